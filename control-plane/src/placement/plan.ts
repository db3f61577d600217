import type { PlacementDecision, PlacementHost, PlacementInput, PlacementPlan } from "./model.ts";
import { chooseSome } from "./plan-choose.ts";
import { whyForeign, whyFull } from "./plan-refusals.ts";

/** Which hosts the stack belongs on, and of every host why. The same input in any order gives the same plan. */
export function planPlacement(given: PlacementInput): PlacementPlan {
  const hosts = given.hosts.toSorted((a, b) => compare(a.name, b.name) || compare(a.hostId, b.hostId));
  const input = { ...given, hosts };
  if (given.placement.strategy !== "all") return chooseSome(input);
  const current = new Set(given.current.map(({ hostId }) => hostId));
  const decisions = hosts.map((host) => decideAlone(host, input, current.has(host.hostId)));
  return { decisions, chosen: decisions.flatMap(({ host, chosen }) => (chosen ? [host] : [])), short: "" };
}

function decideAlone(host: PlacementHost, input: PlacementInput, isThere: boolean): PlacementDecision {
  const refusal = whyForeign(host, input) ?? (isThere ? undefined : whyFull(host, input));
  if (refusal !== undefined) return { host, chosen: false, ...refusal };
  return isThere
    ? { host, chosen: true, reason: "stays", because: "the placement selects the host, and the stack is there" }
    : { host, chosen: true, reason: "selected", because: "the placement selects the host" };
}

/** By code unit, the same everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
