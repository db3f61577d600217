import type { HostPlan, PlanStep, Problem } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";
import { BUILD_NEEDED } from "./draft.ts";

/** What a step does to what is there: brings something, takes it away, replaces it, or only waits or runs something. */
export function stepTone({ op = "" }: PlanStep): Tone {
  if (/volume/.test(op) && /^(?:remove|recreate)/.test(op)) return "bad";
  if (/^(?:remove|delete|stop|kill)/.test(op)) return "bad";
  if (/^(?:recreate|replace|update|rename|restart|disconnect)/.test(op)) return "warn";
  if (/^(?:create|pull|load|start|write|connect|put)/.test(op)) return "ok";
  return "busy";
}

/** Services, with the longest time in seconds that any host expects them to be down; the worst first. */
export function downtimes(hosts: readonly HostPlan[]): [service: string, seconds: number][] {
  const worst = new Map<string, number>();
  for (const host of hosts)
    for (const [service, seconds] of Object.entries(host.expectedDowntimeSeconds ?? {}))
      worst.set(service, Math.max(worst.get(service) ?? 0, seconds));
  return [...worst].filter(([, seconds]) => seconds > 0).toSorted(([a, x], [b, y]) => y - x || a.localeCompare(b));
}

/** Keys of volumes that would have to be removed with their data, which nothing but a person's yes may do. */
export function volumesToRecreate(hosts: readonly HostPlan[], problems: readonly Problem[]): string[] {
  const asked = problems
    .filter(({ code }) => code === "WF_VOLUME_CHANGED")
    .map(({ keyPath = "" }) => /^volumes\.([^.[\]]+)/.exec(keyPath)?.[1] ?? "");
  const planned = hosts
    .flatMap(({ steps = [] }) => steps)
    .filter(({ op = "" }) => /^(?:remove|recreate)-volume$/.test(op))
    .map(({ target = "" }) => target.split(" ").at(-1) ?? "");
  return [...new Set([...asked, ...planned])].filter((key) => key !== "").toSorted();
}

/** Services that have to be built before the rest can be said. */
export function servicesToBuild(problems: readonly Problem[]): string[] {
  const services = problems
    .filter(({ code }) => code === BUILD_NEEDED)
    .map(({ keyPath = "" }) => /^services\.(.+?)(?:\.(?:build|image)(?:[.[].*)?)?$/.exec(keyPath)?.[1] ?? "");
  return [...new Set(services)].filter((service) => service !== "");
}
