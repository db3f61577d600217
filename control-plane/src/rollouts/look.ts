import type { UnitOfWork } from "../platform/index.ts";
import { windowsOf } from "../windows/index.ts";
import type { Standing } from "./after-plan.ts";
import { isHostEnded, isUnderWay, type HostView, type RolloutHost } from "./model.ts";
import type { GateMetrics, RolloutSight } from "./ports.ts";

export interface LookParts {
  readonly sight: RolloutSight;
  /** Absent: conditions on figures are never met. */
  readonly gateMetrics?: GateMetrics;
  /** Since when this process listens to hosts, milliseconds since 1970: before that it could hear nobody. */
  readonly listeningSince: number;
}

/** What is known of the hosts about which anything is still to be decided; the others need no look. */
export async function lookAtHosts(
  tx: UnitOfWork,
  { rollout, hosts }: Standing,
  parts: LookParts,
  now: Date,
): Promise<Map<string, HostView>> {
  const goesBack = rollout.rollBackReason !== undefined;
  const isOpen = (host: RolloutHost): boolean => !isHostEnded(host.state) || (goesBack && isToGoBack(host));
  const open = hosts.filter(isOpen);
  const ids = open.map((host) => host.hostId);
  const views = await parts.sight.viewsOf(tx, rollout.stackId, ids);
  for (const [hostId, view] of views) {
    if (view.reach !== "reached") continue;
    views.set(hostId, { ...view, reachedSince: Math.max(view.reachedSince ?? 0, parts.listeningSince) });
  }
  await addWindows(tx, views, open, now);
  await addConditions(tx, views, { rollout, hosts: open }, parts, now);
  return views;
}

function isToGoBack({ touched, state }: RolloutHost): boolean {
  return touched && state !== "rolled-back" && state !== "rollback-failed";
}

/** Windows count for hosts that are yet to be begun. */
async function addWindows(
  tx: UnitOfWork,
  views: Map<string, HostView>,
  hosts: readonly RolloutHost[],
  now: Date,
): Promise<void> {
  const unbegun = hosts.filter((host) => host.generation === undefined).map((host) => host.hostId);
  if (unbegun.length === 0) return;
  for (const [hostId, { open, opensAt }] of await windowsOf(tx, unbegun, now)) {
    const view = views.get(hostId);
    if (view) views.set(hostId, { ...view, window: { open, ...(opensAt === undefined ? {} : { opensAt }) } });
  }
}

async function addConditions(
  tx: UnitOfWork,
  views: Map<string, HostView>,
  { rollout, hosts }: Standing,
  { gateMetrics }: LookParts,
  now: Date,
): Promise<void> {
  const { conditions, stableMs } = rollout.strategy.gate;
  if (conditions.length === 0) return;
  const asked = hosts.flatMap(({ hostId, state }) => {
    const { stack, receivedAt = now.getTime() } = views.get(hostId) ?? {};
    if (!isUnderWay(state) || stack?.healthyForMs === undefined) return [];
    return [{ hostId, sinceMs: now.getTime() - stableMs, healthySinceMs: receivedAt - stack.healthyForMs }];
  });
  if (asked.length === 0) return;
  const query = {
    stackId: rollout.stackId,
    hosts: asked,
    conditions,
    now,
  };
  const unmet = await gateMetrics?.unmet(tx, query);
  for (const { hostId } of asked) {
    const view = views.get(hostId);
    if (view) views.set(hostId, { ...view, unmetConditions: unmet ? (unmet.get(hostId) ?? []) : noFigures });
  }
}

const noFigures = ["this control plane keeps no figures that conditions could be asked of"];
