import type { PlacementDecision } from "../placement/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { Stack } from "../stacks/index.ts";
import { assignWaves, type AssignedWaves, type WaveCandidate } from "./plan-waves.ts";
import { placeStack } from "./placed.ts";
import type { PlacementSight } from "./ports.ts";
import type { RolloutStrategy } from "./strategy.ts";
import { readStackOnHosts, type StackOnHost } from "./store-previous.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/** Where a revision goes, and which hosts it leaves because the stack does not belong there any more. */
export interface Targets {
  readonly candidates: readonly WaveCandidate[];
  /** What placement is short of; empty when nothing is. */
  readonly short: string;
}

export async function readTargets(
  tx: UnitOfWork,
  sight: PlacementSight,
  { stack, revision, now }: { readonly stack: Stack; readonly revision: number; readonly now: Date },
): Promise<Targets> {
  const running = await readStackOnHosts(tx, stack.id);
  const { decisions, short } = await placeStack(tx, sight, { stack, revision, now });
  return { candidates: candidatesOf(decisions, running), short };
}

/** What a rollout does on which host when placement decides so. */
export function candidatesOf(
  decisions: readonly PlacementDecision[],
  running: ReadonlyMap<string, StackOnHost>,
): WaveCandidate[] {
  return decisions.flatMap(({ host, chosen }): WaveCandidate[] => {
    const { hostId, name: hostName, labels } = host;
    if (chosen) return [{ hostId, hostName, labels, action: "deploy" }];
    return running.has(hostId) && !host.revoked ? [{ hostId, hostName, labels, action: "remove" }] : [];
  });
}

/** The hosts of a rollout that is about to be made, by wave. */
export async function readNewHosts(
  tx: UnitOfWork,
  stackId: string,
  strategy: RolloutStrategy,
  candidates: readonly WaveCandidate[],
): Promise<{ readonly waves: AssignedWaves["waves"]; readonly hosts: readonly StoredRolloutHost[] }> {
  const running = await readStackOnHosts(tx, stackId);
  const { waves, waveOf } = assignWaves(strategy, candidates);
  const hosts = candidates.map((one) => newHost(one, waveOf.get(one.hostId) ?? waves.length, running.get(one.hostId)));
  return { waves, hosts };
}

export function newHost(
  { hostId, hostName, action }: WaveCandidate,
  wave: number,
  there: StackOnHost | undefined,
): StoredRolloutHost {
  const previousRevision = there?.goodRevision ?? 0;
  const at = { state: "pending", cause: "not begun yet", retries: 0, touched: false } as const;
  return { hostId, hostName, action, wave, previousRevision, ...at };
}
