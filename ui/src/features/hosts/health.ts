import type { Health, Host, HostGroup } from "@windflow/proto/client";

/** How a host stands, in one word: what a cell of the map, a pill and a part of a bar show. */
export type HealthMark = "failed" | "inProgress" | "drifted" | "ok" | "empty" | "unknown";

/** Worst first: the order of bars, legends and counts. */
export const HEALTH_MARKS: readonly HealthMark[] = ["failed", "unknown", "inProgress", "drifted", "ok", "empty"];
const MARKS: Record<Health, HealthMark> = {
  HEALTH_UNSPECIFIED: "unknown",
  HEALTH_UNKNOWN: "unknown",
  HEALTH_OK: "ok",
  HEALTH_IN_PROGRESS: "inProgress",
  HEALTH_FAILED: "failed",
  HEALTH_EMPTY: "empty",
};
/** The word of the filter that shows the hosts of a mark. */
export const HEALTH_FILTERS: Record<HealthMark, { key: "health" | "drifted"; value: string }> = {
  failed: { key: "health", value: "failed" },
  unknown: { key: "health", value: "unknown" },
  inProgress: { key: "health", value: "in-progress" },
  drifted: { key: "drifted", value: "yes" },
  ok: { key: "health", value: "ok" },
  empty: { key: "health", value: "empty" },
};

/** What is not reached is unknown, whatever it was; a difference that nobody asked for is told before "ok". */
export function markOf(host: Host): HealthMark {
  const mark = MARKS[host.health ?? "HEALTH_UNSPECIFIED"];
  return (mark === "ok" || mark === "empty") && (host.stacksDrifted ?? 0) > 0 ? "drifted" : mark;
}

/** How many hosts of a group have a mark. Those that drifted are among the others too. */
export function countOf(group: HostGroup | undefined, mark: HealthMark): number {
  return group?.[mark] ?? 0;
}

/** The parts of a group's bar, worst first, as shares of its hosts; drift is no part, since such hosts are in another one. */
export function barParts(group: HostGroup): { mark: HealthMark; share: number; count: number }[] {
  const marks = HEALTH_MARKS.filter((mark) => mark !== "drifted");
  const total = marks.reduce((sum, mark) => sum + countOf(group, mark), 0);
  if (total === 0) return [];
  return marks
    .map((mark) => ({ mark, count: countOf(group, mark), share: countOf(group, mark) / total }))
    .filter(({ count }) => count > 0);
}
