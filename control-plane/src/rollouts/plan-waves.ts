import type { WaveSettings } from "./model.ts";
import type { RolloutStrategy, Wave } from "./strategy.ts";

export interface WaveCandidate {
  readonly hostId: string;
  readonly hostName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A host that the stack leaves goes in the last wave: where it comes is tried first. */
  readonly action: "deploy" | "remove";
}

export interface AssignedWaves {
  /** Wave n is at n - 1. Never empty, and none is without a host unless there is no host at all. */
  readonly waves: readonly WaveSettings[];
  /** Host → its wave, 1-based. */
  readonly waveOf: ReadonlyMap<string, number>;
}

/**
 * Which host goes in which wave. Each wave takes from the hosts that are in no earlier one, in the order of their
 * names; what is left goes in a last one. A wave that gets no host is left out: nothing would be tried in it.
 */
export function assignWaves(strategy: RolloutStrategy, candidates: readonly WaveCandidate[]): AssignedWaves {
  const deploying = candidates.filter((host) => host.action === "deploy").toSorted(byName);
  const leaving = candidates.filter((host) => host.action === "remove").toSorted(byName);
  let left = deploying;
  const filled: { wave: WaveSettings; hosts: readonly WaveCandidate[] }[] = [];
  for (const [i, wave] of strategy.waves.entries()) {
    const hosts = take(wave, left, deploying.length);
    if (hosts.length === 0) continue;
    const taken = new Set(hosts);
    left = left.filter((host) => !taken.has(host));
    filled.push({ wave: settingsOf(wave, i), hosts });
  }
  const rest = [...left, ...leaving];
  if (rest.length > 0 || filled.length === 0) {
    const name = strategy.waves.length === 0 ? "all hosts" : "the other hosts";
    filled.push({ wave: { name, pauseMs: 0, needsApproval: false, maxParallel: 0 }, hosts: rest });
  }
  const waveOf = new Map(filled.flatMap(({ hosts }, i) => hosts.map((host) => [host.hostId, i + 1] as const)));
  return { waves: filled.map(({ wave }) => wave), waveOf };
}

function take(wave: Wave, left: readonly WaveCandidate[], total: number): readonly WaveCandidate[] {
  const { size } = wave;
  switch (size.kind) {
    case "hosts":
      return left.slice(0, size.count);
    case "percent":
      return left.slice(0, Math.ceil((total * size.percent) / 100));
    case "list": {
      const listed = new Set(size.hostIds);
      return left.filter((host) => listed.has(host.hostId));
    }
    case "labels": {
      const labels = Object.entries(size.matchLabels);
      return left.filter((host) => labels.every(([name, value]) => host.labels[name] === value));
    }
  }
}

function settingsOf({ name, pauseMs, needsApproval, maxParallel }: Wave, index: number): WaveSettings {
  return { name: name === "" ? `wave ${index + 1}` : name, pauseMs, needsApproval, maxParallel };
}

function byName(a: WaveCandidate, b: WaveCandidate): number {
  if (a.hostName !== b.hostName) return a.hostName < b.hostName ? -1 : 1;
  return a.hostId < b.hostId ? -1 : a.hostId > b.hostId ? 1 : 0;
}
