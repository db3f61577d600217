import type { HostPlan, JsonObject, PlanStep, Problem } from "@windflow/proto/client";
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

/** What a host says beside its steps: what it leaves alone, and why. */
export interface PlanRemark {
  severity: "error" | "warning";
  text: string;
}
/** Remarks stand in the text of a plan after its steps, a line each. */
export function remarksOf({ text = "" }: HostPlan): PlanRemark[] {
  return text.split("\n").flatMap((line) => {
    const found = /^(error|warning): (.+)$/.exec(line);
    return found === null ? [] : [{ severity: found[1] as PlanRemark["severity"], text: found[2] ?? "" }];
  });
}

/** A volume whose settings changed: it stays as it is, with its data, unless a person says by its name that it may go. */
export interface ChangedVolume {
  /** In the compose file. */
  key: string;
  /** On the hosts. */
  name: string;
}
/** Ends where a yes would help: a host goes on with "as …" when it may not remove the volume at all. */
const CHANGED = /^volume (\S+) was created with other settings: it is kept as it is, with its data$/;

/** The volumes of a model that hosts would make anew if they were allowed to. */
export function changedVolumes(hosts: readonly HostPlan[], model: JsonObject | undefined): ChangedVolume[] {
  const names = new Set(hosts.flatMap(remarksOf).flatMap(({ text }) => CHANGED.exec(text)?.[1] ?? []));
  const volumes = (model?.["volumes"] ?? {}) as Record<string, { name?: string } | null>;
  return Object.entries(volumes)
    .map(([key, volume]) => ({ key, name: volume?.name ?? key }))
    .filter(({ name }) => names.has(name))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Services that have to be built before the rest can be said. */
export function servicesToBuild(problems: readonly Problem[]): string[] {
  const services = problems
    .filter(({ code }) => code === BUILD_NEEDED)
    .map(({ keyPath = "" }) => /^services\.(.+?)(?:\.(?:build|image)(?:[.[].*)?)?$/.exec(keyPath)?.[1] ?? "");
  return [...new Set(services)].filter((service) => service !== "");
}
