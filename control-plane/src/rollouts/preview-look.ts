import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import { lacksOf, planPlacement, usesFacts, type PlacementDecision, type StackNeeds } from "../placement/index.ts";
import { ProblemError, type UnitOfWork } from "../platform/index.ts";
import { readBody, readDeployable, stacksErrors, type Stack } from "../stacks/index.ts";
import { windowsOf, type WindowState } from "../windows/index.ts";
import { readPlacing } from "./placed.ts";
import { currentOf } from "./plan-kept.ts";
import type { WaveCandidate } from "./plan-waves.ts";
import type { RolloutSight } from "./ports.ts";
import { readOpenIds } from "./store.ts";
import { readStackOnHosts } from "./store-previous.ts";
import { candidatesOf } from "./targets.ts";

/** Everything that a rollout would meet now. */
export interface PreviewSight {
  readonly stack: Stack;
  readonly revision: number;
  readonly body: Uint8Array;
  readonly hosts: readonly PreviewHost[];
  readonly short: string;
  /** Of the rollout under way; empty when none is. */
  readonly supersedes: string;
}

export interface PreviewHost extends WaveCandidate {
  readonly because: string;
  /** Revision that it is to run now; 0 when none. */
  readonly currentRevision: number;
  /** Since when and why it is not reached; empty when it is. */
  readonly notReached: string;
  /** When it last reported. */
  readonly observedAt?: Date;
  readonly conflicts: readonly string[];
  readonly window: WindowState;
}

/** @throws WF_NOT_FOUND, WF_STACK_DELETING, WF_STACK_NO_REVISION and WF_STACK_FACT_SELECTOR, as the rollout itself would */
export async function lookAhead(
  tx: UnitOfWork,
  sight: RolloutSight,
  wanted: { readonly stackId: string; readonly revision: number; readonly ignoreWindows: boolean; readonly now: Date },
): Promise<PreviewSight> {
  const { now, ignoreWindows } = wanted;
  const { stack, revision } = await readDeployable(tx, wanted.stackId, wanted.revision, "look");
  if (revision.hasSecrets && usesFacts(stack.placement))
    throw new ProblemError({ code: stacksErrors.WF_STACK_FACT_SELECTOR });
  const body = await readBody(tx, stack.id, revision.number, revision.bodyDigest);
  if (body === undefined) throw new Error(`revision ${revision.number} of ${stack.id} has no body`);
  const summaries = await listHostSummaries(tx);
  const placing = { stack, revision: revision.number, now, summaries, withRoom: true };
  const { input, kept } = await readPlacing(tx, sight, placing);
  const { decisions, short } = planPlacement({ ...input, current: currentOf(kept) });
  const running = await readStackOnHosts(tx, stack.id);
  const candidates = candidatesOf(decisions, running);
  const ids = candidates.map(({ hostId }) => hostId);
  const windows = ignoreWindows ? new Map<string, WindowState>() : await windowsOf(tx, ids, now);
  const views = await sight.viewsOf(tx, stack.id, ids);
  const decided = new Map(decisions.map((decision) => [decision.host.hostId, decision]));
  const known = new Map(summaries.map((host) => [host.hostId, host]));
  const hosts = candidates.map((candidate): PreviewHost => {
    const { hostId, action } = candidate;
    const decision = decided.get(hostId);
    const view = views.get(hostId);
    const window = windows.get(hostId) ?? { open: true };
    return {
      ...candidate,
      window,
      because: decision?.because ?? "",
      currentRevision: running.get(hostId)?.revision ?? 0,
      notReached: whyNotReached(known.get(hostId)),
      ...(view?.receivedAt === undefined ? {} : { observedAt: new Date(view.receivedAt) }),
      conflicts: [
        ...(action === "deploy" && decision !== undefined
          ? lacking(decision, input.needs, stack.placement.constraints.freeDiskBytes)
          : []),
        ...heldAt(view?.stack?.heldRevision, action === "deploy" ? revision.number : 0),
        ...(window.open || window.opensAt !== undefined
          ? []
          : ["its maintenance windows do not open in the next days"]),
      ],
    };
  });
  const supersedes = (await readOpenIds(tx, [stack.id])).get(stack.id) ?? "";
  return { stack, revision: revision.number, body, hosts, short, supersedes };
}

function whyNotReached(host: HostSummary | undefined): string {
  if (host === undefined || host.presence === "online" || host.presence === "stale") return "";
  return `not reached since ${host.presenceSince.toISOString()}: ${host.presenceCause}`;
}

/** A size that is not known stands in nobody's way: the host itself says what does not fit. */
function lacking({ host, reason }: PlacementDecision, needs: StackNeeds, freeDiskBytes: number): string[] {
  const asked = {
    ports: needs.ports,
    cpus: host.cpus > 0 ? needs.cpus : 0,
    memoryBytes: host.memoryBytes > 0 ? needs.memoryBytes : 0,
    // Of a host that has the stack, no free disk is asked any more.
    diskBytes: reason === "selected" || reason === "placed" ? freeDiskBytes : 0,
  };
  return lacksOf(host, asked).map(({ because }) => because);
}

function heldAt(held: number | undefined, revision: number): string[] {
  if (held === undefined || held === revision) return [];
  return [`root on the host holds it at revision ${held}: it is left alone unless local holds are overridden`];
}
