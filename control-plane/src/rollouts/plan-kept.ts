import {
  DEFAULT_GONE_AFTER_SECONDS,
  planPlacement,
  type CurrentHost,
  type PlacementHost,
  type PlacementInput,
  type PlacementPlan,
} from "../placement/index.ts";

/** How a host stands with a stack, from what is stored and from what hosts reported. */
export interface KeptHost {
  readonly hostId: string;
  /** Its desired state has the stack. */
  readonly wanted: boolean;
  /** What the rollout under way is to do there, and has not done yet. */
  readonly underWay?: "deploy" | "remove";
  /** What the last rollout that ended there was to do. */
  readonly last?: LastAct;
  /** It had containers of the stack when it was last heard of, or was told to take them off and has not been seen to. */
  readonly mayRun: boolean;
}

/**
 * `undone`: it failed or was cancelled there. `taken-back`: the host was brought back to what it ran before. `overtaken`: a newer
 * rollout of the stack took over.
 */
export interface LastAct {
  readonly action: "deploy" | "remove";
  readonly revision: number;
  readonly outcome: "done" | "undone" | "taken-back" | "overtaken";
}

export interface KeptPlan {
  /** Hosts that the stack belongs on and is not on the way to. */
  readonly come: readonly PlacementHost[];
  /** Hosts that it is on, or on the way to, and does not belong on. */
  readonly leave: readonly PlacementHost[];
  readonly placement: PlacementPlan;
  /** What is missing, as a sentence; empty when nothing is. */
  readonly short: string;
  /** After so many seconds a host that is away now may count as gone; absent when none will. */
  readonly wakeAfterSeconds?: number;
}

// A sentence is for a person, also in a large fleet.
const NAMES_SHOWN = 3;

/** Where the stack counts as being: what stays there in preference to any other host. */
export function currentOf(kept: readonly KeptHost[]): CurrentHost[] {
  return kept.flatMap((host) => {
    const heading = headingOf(host);
    // It was told to take it off, and is seen to have: whatever the rollout still waits for.
    if (heading !== "there" && !host.wanted && !host.mayRun) return [];
    return [{ hostId: host.hostId, leaving: heading !== "there" }];
  });
}

/**
 * What has to change so that the stack is where it belongs. What failed, or was stopped by a person, is not tried again by itself: that
 * would go round for ever.
 * @param revision that comes
 * @param again somebody just changed the placement: what was tried before is tried again
 */
export function planKept(
  input: Omit<PlacementInput, "current">,
  kept: readonly KeptHost[],
  { revision, again }: { readonly revision: number; readonly again: boolean },
): KeptPlan {
  const placement = planPlacement({ ...input, current: currentOf(kept) });
  const standing = new Map(kept.map((host) => [host.hostId, host]));
  const come: PlacementHost[] = [];
  const leave: PlacementHost[] = [];
  const tried: PlacementHost[] = [];
  const stuck: PlacementHost[] = [];
  for (const { host, chosen } of placement.decisions) {
    const there = standing.get(host.hostId);
    const heading = there === undefined ? "nowhere" : headingOf(there);
    if (chosen) {
      if (heading === "there" || (heading === "stuck" && there?.underWay === undefined)) continue;
      if (!again && heading === "nowhere" && wasTried(there?.last, revision)) tried.push(host);
      else come.push(host);
      continue;
    }
    // What a revoked host runs is out of reach.
    if (host.revoked) continue;
    if (heading === "there" || (heading === "stuck" && again)) leave.push(host);
    else if (heading === "stuck") stuck.push(host);
  }
  const wakeAfterSeconds = untilGone(input, placement);
  const wake = wakeAfterSeconds === undefined ? {} : { wakeAfterSeconds };
  return { come, leave, placement, short: shortOf(placement.short, { tried, stuck, revision }), ...wake };
}

function untilGone({ placement }: Pick<PlacementInput, "placement">, { decisions }: PlacementPlan): number | undefined {
  if (placement.strategy === "all") return undefined;
  const limit = placement.hostGoneAfterSeconds || DEFAULT_GONE_AFTER_SECONDS;
  const left = decisions.flatMap(({ chosen, host: { awaySeconds } }) =>
    chosen && awaySeconds !== undefined && awaySeconds <= limit ? [limit - awaySeconds] : [],
  );
  return left.length === 0 ? undefined : Math.min(...left);
}

/** `stuck`: it was to leave, and that came to no end. */
function headingOf({ wanted, underWay, last }: KeptHost): "there" | "leaving" | "stuck" | "nowhere" {
  if (underWay !== undefined) return underWay === "deploy" ? "there" : "leaving";
  if (!wanted) return "nowhere";
  return last?.action === "remove" && last.outcome !== "taken-back" ? "stuck" : "there";
}

function wasTried(last: LastAct | undefined, revision: number): boolean {
  if (last?.action !== "deploy" || last.revision !== revision) return false;
  return last.outcome === "undone" || last.outcome === "taken-back";
}

function shortOf(
  short: string,
  left: {
    readonly tried: readonly PlacementHost[];
    readonly stuck: readonly PlacementHost[];
    readonly revision: number;
  },
): string {
  const { tried, stuck, revision } = left;
  const parts = short === "" ? [] : [short];
  if (tried.length > 0)
    parts.push(
      `revision ${revision} did not come to ${namesOf(tried)} the last time, and is not tried again by itself`,
    );
  if (stuck.length > 0)
    parts.push(`it does not belong on ${namesOf(stuck)}; taking it off was stopped, and is not tried again by itself`);
  return parts.join("; ");
}

function namesOf(hosts: readonly PlacementHost[]): string {
  const names = hosts.slice(0, NAMES_SHOWN).map(({ name }) => name);
  return `${names.join(", ")}${hosts.length > NAMES_SHOWN ? ` and ${hosts.length - NAMES_SHOWN} more` : ""}`;
}
