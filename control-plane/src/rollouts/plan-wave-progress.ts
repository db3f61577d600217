import { isHostEnded, isUnderWay, type Rollout, type WaveStanding } from "./model.ts";
import { plural } from "./plan-gate.ts";
import type { PlannedHost, PlannedWaves, RolloutStep } from "./plan-steps.ts";

type Hold = NonNullable<PlannedWaves["hold"]>;

/**
 * Which waves begin and pass now. One begins when the one before has passed, its pause is over and, where it asks for
 * that, somebody approved it. One passes when every host of it that is reached has ended; hosts that are not reached
 * (or held by their own root) do not hold up the next. A wave of which nobody is reached has tried nothing: it passes
 * when one returns, or when somebody approves the next one all the same.
 * @param now milliseconds since 1970
 */
export function progressWaves(rollout: Rollout, hosts: readonly PlannedHost[], now: number): PlannedWaves {
  const waves = [...rollout.waves];
  const steps: RolloutStep[] = [];
  const byWave = Map.groupBy(hosts, (host) => host.wave);
  const set = (index: number, op: "ask-approval" | "begin-wave" | "pass-wave", cause: string): void => {
    const wave = waves[index];
    if (wave === undefined) return;
    const at = op === "ask-approval" ? { askedAt: now } : op === "begin-wave" ? { startedAt: now } : { passedAt: now };
    waves[index] = { ...wave, ...at };
    steps.push({ op, target: `wave ${index + 1} (${wave.name})`, wave: index + 1, cause });
  };
  for (const index of waves.keys()) {
    const wave = waves[index];
    if (wave === undefined) break;
    if (wave.startedAt === undefined) {
      const hold = keptBack(waves, index, now);
      if (hold?.waitingFor === "approval" && wave.askedAt === undefined) set(index, "ask-approval", hold.cause);
      if (hold !== undefined) return { waves, steps, hold };
      if (rollout.paused !== undefined) break;
      set(index, "begin-wave", index === 0 ? "it is the first" : `wave ${index} has passed`);
    }
    if (wave.passedAt !== undefined) continue;
    const next = waves[index + 1];
    const over = howOver(byWave.get(index + 1) ?? [], next);
    if (over.state === "open") break;
    if (over.state === "passed") {
      set(index, "pass-wave", over.cause);
      continue;
    }
    if (next !== undefined && next.askedAt === undefined) {
      set(index + 1, "ask-approval", `${over.cause}; approving wave ${index + 2} goes on without it`);
    }
    return { waves, steps, hold: { waitingFor: "hosts", cause: over.cause } };
  }
  return { waves, steps };
}

function keptBack(waves: readonly WaveStanding[], index: number, now: number): Hold | undefined {
  const wave = waves[index];
  const before = waves[index - 1];
  if (wave === undefined) return undefined;
  const until = before === undefined ? now : (before.passedAt ?? now) + before.pauseMs;
  if (now < until) {
    return { waitingFor: "pause", until, cause: `the pause after wave ${index} (${before?.name}) runs` };
  }
  if (wave.needsApproval && wave.approvedAt === undefined) {
    return { waitingFor: "approval", cause: `wave ${index + 1} (${wave.name}) waits for approval` };
  }
  return undefined;
}

function howOver(
  hosts: readonly PlannedHost[],
  next: WaveStanding | undefined,
): { state: "open" | "passed" | "untried"; cause: string } {
  const left = hosts.filter((host) => !isHostEnded(host.state));
  if (left.some((host) => host.away === undefined || isUnderWay(host.state))) return { state: "open", cause: "" };
  const failed = hosts.filter((host) => host.state === "failed").length;
  const succeeded = hosts.filter((host) => host.state === "succeeded").length;
  const away = left.length === 0 ? "" : `, ${left.length} not reached`;
  if (succeeded + failed > 0 || left.length === 0) {
    const cause = `${succeeded} of ${plural(hosts.length, "host")} passed${failed > 0 ? `, ${failed} failed` : ""}${away}`;
    return { state: "passed", cause };
  }
  if (next?.approvedAt !== undefined) {
    return {
      state: "passed",
      cause: `no host of it is reached, and ${next.approvedBy ?? "somebody"} approved the next`,
    };
  }
  return { state: "untried", cause: "no host of the wave is reached" };
}
