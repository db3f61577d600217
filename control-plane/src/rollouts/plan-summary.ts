import { isHostEnded, isUnderWay, type Rollout, type RolloutHostState } from "./model.ts";
import { plural } from "./plan-gate.ts";
import type { PlannedHost, PlannedWaves, Whereabouts } from "./plan-steps.ts";

/** Where the whole rollout stands when its hosts and waves stand so. */
export function summarize(
  rollout: Rollout,
  hosts: readonly PlannedHost[],
  waves: Pick<PlannedWaves, "hold" | "waves">,
): Whereabouts {
  if (hosts.every((host) => isHostEnded(host.state))) return ended(rollout, hosts);
  const progress = progressText(hosts, waves);
  if (rollout.paused !== undefined) {
    const { by, reason } = rollout.paused;
    return { state: "paused", cause: `paused by ${by}${reason === "" ? "" : `: ${reason}`}; ${progress}` };
  }
  const canGoOn = (host: PlannedHost): boolean => host.kept === "limit";
  if (hosts.some((host) => isUnderWay(host.state) || canGoOn(host))) return { state: "running", cause: progress };
  return waiting(hosts, waves, progress);
}

function ended({ kind }: Rollout, hosts: readonly PlannedHost[]): Whereabouts {
  const succeeded = count(hosts, "succeeded");
  const failed = hosts.filter((host) => host.state === "failed");
  const first = failed[0];
  if (first !== undefined) {
    const why = `${first.hostName}: ${first.cause}`;
    return { state: "failed", cause: `${failed.length} of ${plural(hosts.length, "host")} failed: ${why}` };
  }
  if (succeeded === 0) return { state: "cancelled", cause: `no host is left: ${hosts[0]?.cause ?? "there was none"}` };
  const off = `the stack is off ${plural(succeeded, "host")}`;
  const cause = kind === "remove" ? off : `${plural(succeeded, "host")} passed the health gate`;
  return { state: "succeeded", cause };
}

function waiting(hosts: readonly PlannedHost[], { hold }: Pick<PlannedWaves, "hold">, progress: string): Whereabouts {
  const state = "waiting";
  if (hold !== undefined && hold.waitingFor !== "hosts") {
    const { waitingFor, until } = hold;
    const cause = `${hold.cause}; ${progress}`;
    return { state, cause, waitingFor, ...(until === undefined ? {} : { waitingUntil: until }) };
  }
  const closed = hosts.filter((host) => host.kept === "window");
  if (closed.length > 0) {
    const opens = Math.min(...closed.map((host) => host.windowOpensAt ?? Infinity));
    const cause = `${plural(closed.length, "host")} outside of maintenance windows; ${progress}`;
    return { state, cause, waitingFor: "window", ...(Number.isFinite(opens) ? { waitingUntil: opens } : {}) };
  }
  const held = hosts.filter((host) => host.away === "held").length;
  const away = count(hosts, "not-reached");
  const parts = [
    ...(away > 0 ? [`${plural(away, "host")} not reached`] : []),
    ...(held > 0 ? [`${plural(held, "host")} held locally`] : []),
  ];
  // A host that has been silent for a moment is neither reached nor away yet.
  if (parts.length === 0) parts.push("waiting to hear of its hosts");
  const on = hold === undefined ? "it goes on when they return" : `${hold.cause}; it goes on when one returns`;
  return { state, cause: `${parts.join(", ")}; ${on}`, waitingFor: "hosts" };
}

function progressText(hosts: readonly PlannedHost[], { waves }: Pick<PlannedWaves, "waves">): string {
  const failed = count(hosts, "failed");
  const away = count(hosts, "not-reached");
  const held = hosts.filter((host) => host.away === "held").length;
  const current = waves.filter((wave) => wave.startedAt !== undefined).length;
  return [
    ...(waves.length > 1 ? [`wave ${current} of ${waves.length}`] : []),
    `${count(hosts, "succeeded")} of ${plural(hosts.length, "host")} done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(away > 0 ? [`${away} not reached`] : []),
    ...(held > 0 ? [`${held} held locally`] : []),
  ].join(", ");
}

function count(hosts: readonly PlannedHost[], state: RolloutHostState): number {
  return hosts.filter((host) => host.state === state).length;
}
