import {
  DEFAULT_GONE_AFTER_SECONDS,
  type CurrentHost,
  type PlacementDecision,
  type PlacementHost,
  type PlacementInput,
  type PlacementPlan,
  type PlacementReason,
} from "./model.ts";
import { holds, labelOf } from "./plan-labels.ts";
import { pickInOrder, type Candidate, type Tier } from "./plan-pick.ts";
import { duration, whyForeign, whyFull, type Refusal } from "./plan-refusals.ts";

// A sentence is for a person, also in a large fleet.
const NAMES_SHOWN = 3;

type Verdict = Candidate | { readonly host: PlacementHost; readonly refusal: Refusal };

/**
 * As many hosts as the placement asks for. What is placed stays; what a host that is gone for long had goes elsewhere,
 * except where a volume is written to: there, whoever may still run the stack counts as running it.
 * @param input with its hosts by name
 */
export function chooseSome(input: PlacementInput): PlacementPlan {
  const { placement, needs } = input;
  const wanted = placement.replicas;
  const there = new Map(input.current.map((one) => [one.hostId, one]));
  const verdicts = input.hosts.map((host) => judge(host, input, there.get(host.hostId)));
  const candidates = verdicts.flatMap((verdict) => ("tier" in verdict ? [verdict] : []));
  const holders = needs.writtenVolumes.length === 0 ? [] : possibleWriters(input);
  const newcomers = holders.length === 0 ? wanted : Math.max(0, wanted - holders.length);
  const picked = pickInOrder(candidates, { wanted, newcomers, grouped: placement.strategy === "spread" });
  const notPicked: Refusal =
    picked.size >= wanted || holders.length === 0
      ? { reason: "enough", because: `${picked.size} of ${wanted} hosts come before it` }
      : { reason: "single-writer", because: mayStillWrite(holders, needs.writtenVolumes) };
  const decisions = verdicts.map((verdict) => decide(verdict, picked, notPicked));
  const chosen = decisions.flatMap((decision) => (decision.chosen ? [decision.host] : []));
  return { decisions, chosen, wanted, short: shortage(wanted, decisions) };
}

function judge(host: PlacementHost, input: PlacementInput, there: CurrentHost | undefined): Verdict {
  const refusal = whyForeign(host, input) ?? (there === undefined ? whyFull(host, input) : whyReleased(host, input));
  if (refusal !== undefined) return { host, refusal };
  const { placement, needs } = input;
  const score = placement.preferences
    .filter(({ expression }) => holds(expression, host, needs.hasSecrets))
    .reduce((sum, { weight }) => sum + weight, 0);
  const load = loadOf(host) * (placement.strategy === "binpack" ? -1 : 1);
  const group = placement.spreadBy === "" ? "" : groupOf(host, input);
  const standing = there === undefined ? newcomer(placement.strategy, group) : keeper(host, there.leaving, input);
  return { host, score, load, group, ...standing };
}

function whyReleased(host: PlacementHost, { placement }: PlacementInput): Refusal | undefined {
  if (host.awaySeconds === undefined || !placement.releasedHostIds.includes(host.hostId)) return undefined;
  return { reason: "released", because: "a person released it: it does not run the stack any more" };
}

interface Standing {
  readonly tier: Tier;
  readonly reason: PlacementReason;
  readonly because: string;
  /** Why it is not chosen, when it is not. */
  readonly otherwise?: Refusal;
}

function newcomer(strategy: string, group: string): Standing {
  const where = group === "" ? "" : ` in ${group}`;
  const because = strategy === "binpack" ? "the fullest host that has room" : `the first in line${where}`;
  return { tier: "newcomer", reason: "placed", because };
}

function keeper(host: PlacementHost, leaving: boolean, { placement, needs }: PlacementInput): Standing {
  const away = host.awaySeconds;
  const limit = placement.hostGoneAfterSeconds || DEFAULT_GONE_AFTER_SECONDS;
  const isGone = away !== undefined && away > limit;
  const [volume] = needs.writtenVolumes;
  if (volume !== undefined && (isGone || host.scheduling === "draining")) {
    const what = isGone ? `not reached for ${duration(away)}` : "draining";
    const because = `${what}, but it keeps its copy: volume ${volume} is there and has one writer only`;
    return { tier: "keeps", reason: "held", because };
  }
  if (isGone) {
    const what = `not reached for ${duration(away)}, longer than ${duration(limit)}`;
    return last(host, "gone", what);
  }
  if (host.scheduling === "draining") return last(host, "draining", "the host is draining");
  if (leaving) {
    const moved = "its copy was placed elsewhere, and work does not move back";
    return { ...stays(), tier: "leaving", otherwise: { reason: "moved", because: moved } };
  }
  return away === undefined ? stays() : stays(`; not reached for ${duration(away)}`);
}

function stays(more = ""): Standing {
  return { tier: "keeps", reason: "stays", because: `the stack is there, and what is placed stays${more}` };
}

function last(host: PlacementHost, reason: "gone" | "draining", what: string): Standing {
  const because = `${what}, but no other host can take its copy`;
  const otherwise = { reason, because: `${what}: its copy goes elsewhere` };
  return { tier: host.awaySeconds === undefined ? "draining" : "gone", reason: "no-other-host", because, otherwise };
}

/** Hosts that have the stack, or had it when they were last heard of, and whose volumes nobody gave up. */
function possibleWriters(input: PlacementInput): PlacementHost[] {
  const there = new Set(input.current.map(({ hostId }) => hostId));
  return input.hosts.filter(
    (host) => there.has(host.hostId) && !host.revoked && whyReleased(host, input) === undefined,
  );
}

function mayStillWrite(holders: readonly PlacementHost[], [volume = ""]: readonly string[]): string {
  const named = holders.slice(0, NAMES_SHOWN).map(({ name }) => name);
  const more = holders.length - named.length;
  const names = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `${names} may still run the stack, and volume ${volume} has one writer only; once it is off that host, or the host is revoked, removed or released, the copy goes elsewhere`;
}

function decide(verdict: Verdict, picked: ReadonlySet<Candidate>, notPicked: Refusal): PlacementDecision {
  const { host } = verdict;
  if ("refusal" in verdict) return { host, chosen: false, ...verdict.refusal };
  const { reason, because, otherwise = notPicked } = verdict;
  return picked.has(verdict) ? { host, chosen: true, reason, because } : { host, chosen: false, ...otherwise };
}

function shortage(wanted: number, decisions: readonly PlacementDecision[]): string {
  // A host that is gone and keeps its copy since nobody else can take it runs nothing that anybody can see.
  const found = decisions.filter(
    ({ chosen, reason, host }) => chosen && !(reason === "no-other-host" && host.awaySeconds !== undefined),
  ).length;
  if (found >= wanted) return "";
  const counts = new Map<string, number>();
  for (const { chosen, reason } of decisions) if (!chosen) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const others = [...counts].map(([reason, count]) => `${count} ${reason}`).join(", ");
  const held = decisions.find(({ reason }) => reason === "single-writer");
  const parts = [`${wanted} wanted, ${found} found`];
  if (others !== "") parts.push(`not chosen: ${others}`);
  if (held !== undefined) parts.push(held.because);
  return parts.join("; ");
}

function groupOf(host: PlacementHost, { placement, needs }: PlacementInput): string {
  const source = placement.spreadBy;
  const value = labelOf(host, source, needs.hasSecrets);
  return value === undefined ? `no ${source}` : `${source}=${value}`;
}

/** Share of the host that is reserved, 0 to 1 and above; a host of unknown size is empty. */
function loadOf({ cpus, memoryBytes, used }: PlacementHost): number {
  const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
  return (share(used.cpus, cpus) + share(used.memoryBytes, memoryBytes)) / 2;
}
