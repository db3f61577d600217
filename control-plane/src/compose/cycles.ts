import type { ComposeService } from "@windflow/core";

/** The first circle of `depends_on`, beginning and ending with the same service; undefined when there is none. */
export function findDependencyCycle(services: Readonly<Record<string, ComposeService>>): string[] | undefined {
  const done = new Set<string>();
  for (const start of Object.keys(services)) {
    const cycle = cycleFrom(start, services, done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

interface Step {
  readonly name: string;
  readonly rest: string[];
}

// A loop and not recursion: a chain may be as long as the file has services.
function cycleFrom(
  start: string,
  services: Readonly<Record<string, ComposeService>>,
  done: Set<string>,
): string[] | undefined {
  const stack: Step[] = [];
  const open = new Set<string>();
  const enter = (name: string): void => {
    stack.push({ name, rest: Object.keys(services[name]?.depends_on ?? {}).toReversed() });
    open.add(name);
  };
  if (!done.has(start)) enter(start);
  for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
    const next = step.rest.pop();
    if (next === undefined) {
      stack.pop();
      open.delete(step.name);
      done.add(step.name);
    } else if (open.has(next)) {
      const names = stack.map(({ name }) => name);
      return [...names.slice(names.indexOf(next)), next];
    } else if (!done.has(next) && Object.hasOwn(services, next)) enter(next);
  }
  return undefined;
}
