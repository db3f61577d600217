/** Everything that can be allowed. A method declares one of them in its proto; some are asked for by services. */
export const PERMISSIONS = [
  "apiTokens.read",
  "apiTokens.write",
  "containers.exec",
  "containers.read",
  "containers.write",
  "enrollmentTokens.read",
  "enrollmentTokens.write",
  "events.read",
  "hosts.read",
  "hosts.shell",
  "hosts.write",
  "links.read",
  "links.write",
  "logs.read",
  "metrics.read",
  "registries.read",
  "registries.write",
  "rollouts.approve",
  "rollouts.read",
  "rollouts.write",
  "stacks.deploy.privileged",
  "stacks.read",
  "stacks.write",
  "updates.read",
  "updates.write",
  "windows.read",
  "windows.write",
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** Stored for administrators: it also means what later versions add. */
export const ALL = "*";

const known: ReadonlySet<string> = new Set(PERMISSIONS);

/** What the stored names mean today; names of another version mean nothing. */
export function expand(stored: readonly string[]): ReadonlySet<string> {
  return stored.includes(ALL) ? known : new Set(stored.filter((name) => known.has(name)));
}

/** A token may do what it was given and what its maker may do now, whichever is less. */
export function intersect(left: ReadonlySet<string>, right: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...left].filter((name) => right.has(name)));
}

export function isPermission(name: string): name is Permission {
  return known.has(name);
}
