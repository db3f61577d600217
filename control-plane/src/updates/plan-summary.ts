import type { WaveRules } from "../rollouts/index.ts";
import { isFailed, type AgentUpdate, type UpdateHost } from "./model.ts";

type Whereabouts = ReturnType<WaveRules["summarize"]>;

/** How an update has ended whose hosts have all ended. */
export function endedText(update: AgentUpdate, hosts: readonly UpdateHost[]): Whereabouts {
  const cause = summaryText(tallyOf(hosts), update.release.version);
  if (update.cancelReason !== undefined) {
    return {
      state: "cancelled",
      cause: `cancelled${update.cancelReason === "" ? "" : `: ${update.cancelReason}`}; ${cause}`,
    };
  }
  const failed = hosts.filter(isFailed);
  const first = failed[0];
  if (first !== undefined && failed.length > update.strategy.failureBudget + update.excusedFailures) {
    return { state: "failed", cause: `${cause}; ${first.hostName}: ${first.cause}` };
  }
  if (hosts.some((host) => host.state === "succeeded")) return { state: "succeeded", cause };
  const taker = hosts.find((host) => host.supersededBy !== undefined)?.supersededBy;
  if (taker !== undefined) return { state: "superseded", cause: `a newer update took its hosts over: ${taker}` };
  if (first !== undefined) return { state: "failed", cause: `${cause}; ${first.hostName}: ${first.cause}` };
  return { state: "cancelled", cause: `no host is left: ${hosts[0]?.cause ?? "there was none"}` };
}

/** How many hosts stand where. */
export interface UpdateTally {
  readonly total: number;
  readonly pending: number;
  readonly notReached: number;
  readonly underWay: number;
  readonly succeeded: number;
  readonly reverted: number;
  readonly refused: number;
  readonly timedOut: number;
  readonly cancelled: number;
}

export function tallyOf(hosts: readonly Pick<UpdateHost, "state">[]): UpdateTally {
  return tally(hosts.map(({ state }) => ({ state, hosts: 1 })));
}

export function tally(
  counted: readonly { readonly state: UpdateHost["state"]; readonly hosts: number }[],
): UpdateTally {
  const count = (...states: readonly UpdateHost["state"][]): number =>
    counted.reduce((sum, { state, hosts }) => (states.includes(state) ? sum + hosts : sum), 0);
  return {
    total: counted.reduce((sum, { hosts }) => sum + hosts, 0),
    pending: count("pending"),
    notReached: count("not-reached"),
    underWay: count("sent", "downloading", "staged", "proving"),
    succeeded: count("succeeded"),
    reverted: count("reverted"),
    refused: count("refused"),
    timedOut: count("timed-out"),
    cancelled: count("cancelled"),
  };
}

/** e.g. "47 updated to 0.2.0, 1 went back, 2 not reached". */
export function summaryText(of: UpdateTally, version: string): string {
  const parts = [
    `${of.succeeded} updated to ${version}`,
    ...(of.underWay > 0 ? [`${of.underWay} under way`] : []),
    ...(of.reverted > 0 ? [`${of.reverted} went back`] : []),
    ...(of.refused > 0 ? [`${of.refused} did not take it`] : []),
    ...(of.timedOut > 0 ? [`${of.timedOut} without news`] : []),
    ...(of.notReached > 0 ? [`${of.notReached} not reached`] : []),
    ...(of.pending > 0 ? [`${of.pending} to come`] : []),
    ...(of.cancelled > 0 ? [`${of.cancelled} left alone`] : []),
  ];
  return parts.join(", ");
}
