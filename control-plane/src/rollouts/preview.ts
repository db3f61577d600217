import type { PlannedHost, PlannedWave, PlanRolloutRequest, RolloutPlan } from "@windflow/proto/api";
import type { Caller, Clock, Database } from "../platform/index.ts";
import { askHosts, withoutPlan, type HostPlanner, type HostQuestion } from "../stacks/index.ts";
import { assignWaves } from "./plan-waves.ts";
import type { RolloutSight } from "./ports.ts";
import { lookAhead, type PreviewHost, type PreviewSight } from "./preview-look.ts";
import { askedStrategy, chooseStrategy } from "./service-strategy.ts";
import { strategyMessage } from "./strategy-wire.ts";

/** What a rollout would do. Changes nothing. */
export interface Preview {
  plan(caller: Caller, request: PlanRolloutRequest, signal: AbortSignal): Promise<RolloutPlan>;
}

// So many answers are read by nobody; in a fleet of equal hosts the first ones say what the others do.
const MOST_ASKED = 500;

type Asked = Pick<PlannedHost, "plan"> & { readonly problem: string };

export function createPreview(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly sight: RolloutSight;
  readonly planner: Pick<HostPlanner, "requestPlan">;
}): Preview {
  const { database, clock, sight, planner } = parts;
  return {
    plan: async (caller, request, signal) => {
      const { stackId, revision, ignoreWindows, strategy: asked, withoutSteps } = request;
      const wished = askedStrategy({ strategy: asked, maxParallel: 0, failureBudget: 0, healthGate: undefined });
      const wanted = { stackId, revision, ignoreWindows, now: clock.now() };
      const ahead = await database.inOrganization(caller, (tx) => lookAhead(tx, sight, wanted), { readOnly: true });
      const strategy = chooseStrategy(ahead.stack, wished);
      const { waves, waveOf } = assignWaves(strategy, ahead.hosts);
      const inOrder = ahead.hosts.toSorted((a, b) => compare(placeOf(a, waveOf), placeOf(b, waveOf)));
      const plans = withoutSteps ? new Map<string, Asked>() : await ask(ahead, inOrder, signal);
      const hosts = inOrder.map((host) => hostMessage(host, plans.get(host.hostId)));
      const of = (number: number): PlannedHost[] => hosts.filter(({ hostId }) => waveOf.get(hostId) === number);
      return {
        waves: waves.map(({ name, needsApproval, pauseMs, maxParallel }, i): PlannedWave => ({
          name,
          needsApproval,
          number: i + 1,
          pauseSeconds: pauseMs / 1000,
          maxParallel: maxParallel === 0 ? strategy.maxParallel : maxParallel,
          hosts: of(i + 1),
        })),
        revision: ahead.revision,
        short: hosts.length === 0 && ahead.short === "" ? "the placement matches no approved host" : ahead.short,
        strategy: strategyMessage(strategy),
        hostsTotal: hosts.length,
        hostsNotReached: hosts.filter(({ notReached }) => notReached !== "").length,
        hostsInConflict: hosts.filter(({ conflicts }) => conflicts.length > 0).length,
        supersedesRolloutId: ahead.supersedes,
      };
    },
  };

  /** Host → its plan, or why it has none; a host that is not reached is left out. */
  async function ask(
    { stack, body }: PreviewSight,
    hosts: readonly PreviewHost[],
    signal: AbortSignal,
  ): Promise<Map<string, Asked>> {
    const reached = hosts.filter(({ notReached }) => notReached === "");
    const questions = reached
      .slice(0, MOST_ASKED)
      .map((host): HostQuestion => ({ host: questionHost(host), ...(host.action === "deploy" ? { body } : {}) }));
    const answers = await askHosts(planner, stack.id, questions, signal);
    const why = `not asked: a plan asks the first ${MOST_ASKED} hosts that are reached`;
    const others = reached
      .slice(MOST_ASKED)
      .map((host) => ({ plan: withoutPlan(questionHost(host), why), problem: "" }));
    return new Map([...answers, ...others].map((answer) => [answer.plan.hostId, answer]));
  }
}

/** By wave; of a wave, where it comes before where it leaves, by name. */
function placeOf({ hostId, hostName, action }: PreviewHost, waveOf: ReadonlyMap<string, number>): string {
  return `${String(waveOf.get(hostId) ?? 0).padStart(4, "0")} ${action} ${hostName} ${hostId}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function questionHost({ hostId, hostName, observedAt }: PreviewHost): HostQuestion["host"] {
  return { hostId, hostName, ...(observedAt === undefined ? {} : { observedAt }) };
}

function hostMessage(host: PreviewHost, asked: Asked | undefined): PlannedHost {
  const { hostId, hostName, action, currentRevision, because, notReached, window } = host;
  return {
    hostId,
    hostName,
    currentRevision,
    because,
    notReached,
    leaving: action === "remove",
    plan: asked?.plan,
    conflicts: [...host.conflicts, ...(asked === undefined || asked.problem === "" ? [] : [asked.problem])],
    windowOpensAt: window.open || window.opensAt === undefined ? undefined : new Date(window.opensAt),
  };
}
