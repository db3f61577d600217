import type { ServiceStatus, StackHostStatus } from "@windflow/proto/client";
import { SERVICE_TONES, serviceWord } from "./service-state.ts";

/** Hosts of a stack as a person looks for them. */
export const STACK_HOST_GROUPS = ["bad", "busy", "unknown", "ok", "held", "drifted"] as const;
export type StackHostGroup = (typeof STACK_HOST_GROUPS)[number];
const RANK = { bad: 0, warn: 1, idle: 1, busy: 2, ok: 4 };

const inGroup: Record<StackHostGroup, (host: StackHostStatus) => boolean> = {
  bad: (host) => SERVICE_TONES[serviceWord(host.state)] === "bad",
  busy: (host) => SERVICE_TONES[serviceWord(host.state)] === "busy",
  unknown: (host) => SERVICE_TONES[serviceWord(host.state)] === "idle",
  ok: (host) => SERVICE_TONES[serviceWord(host.state)] === "ok",
  held: (host) => (host.heldRevision ?? 0) > 0,
  drifted: (host) => (host.drift ?? []).length > 0,
};
export function stackHostRows(
  hosts: readonly StackHostStatus[],
  group: StackHostGroup | "all",
  text: string,
): StackHostStatus[] {
  const wanted = text.trim().toLowerCase();
  const fits = (host: StackHostStatus): boolean =>
    (group === "all" || inGroup[group](host)) &&
    (wanted === "" || (host.hostName ?? "").toLowerCase().includes(wanted));
  const rank = (host: StackHostStatus): number => RANK[SERVICE_TONES[serviceWord(host.state)]];
  const name = (host: StackHostStatus): string => host.hostName ?? "";
  return hosts
    .filter(fits)
    .toSorted((a, b) => rank(a) - rank(b) || (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
export const countGroup = (hosts: readonly StackHostStatus[], group: StackHostGroup): number =>
  hosts.filter(inGroup[group]).length;

/** What a host says in one line: its own cause, else that of the service that is worst off. */
export function hostLines(host: StackHostStatus): string {
  if (host.cause) return host.cause;
  const rank = (one: ServiceStatus): number => RANK[SERVICE_TONES[serviceWord(one.state)]];
  const [worst] = (host.services ?? []).toSorted((a, b) => rank(a) - rank(b));
  if (worst === undefined || rank(worst) >= RANK.ok) return "";
  return worst.cause ? `${worst.service}: ${worst.cause}` : "";
}
