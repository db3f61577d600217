import { GRAVITY, healthOf, worstHealth, type Health } from "@windflow/core";
import type { HostStackFacts, ServiceState } from "./model.ts";
import { hostStackStatus } from "./plan.ts";

/** What a host's last report comes to, beside what it must run. Whether the host is reached is not in it. */
export interface HostReportHealth {
  readonly health: Health;
  /** e.g. "12 ok, 1 crash-looping: shop/web". */
  readonly summary: string;
  readonly stacksDrifted: number;
  readonly stacksHeld: number;
}

export interface NamedStackFacts {
  readonly stackName: string;
  readonly facts: HostStackFacts;
}

// A page shows a line of it; who wants all of them opens the host.
const MAX_NAMES = 3;

/** The worst of the host's stacks, by the derivation of the stacks. Pure. */
export function hostReportHealth(
  stacks: readonly NamedStackFacts[],
  engineProblem: string,
  now: Date,
): HostReportHealth {
  const reports = stacks.map(({ facts }) => facts.report);
  const counts = {
    stacksDrifted: reports.filter((report) => report !== undefined && report.drift.length > 0).length,
    stacksHeld: reports.filter((report) => report !== undefined && report.heldRevision > 0).length,
  };
  if (engineProblem !== "")
    return { ...counts, health: "unknown", summary: `the host cannot ask its engine: ${engineProblem}` };
  const statuses = stacks.map(({ stackName, facts }) => ({ stackName, status: hostStackStatus(facts, now) }));
  const health = worstHealth(statuses.map(({ status }) => healthOf(status.state)));
  const items = statuses.flatMap(({ stackName, status }): Item[] => {
    const services = status.services.map(({ service, state }) => ({ name: `${stackName}/${service}`, state }));
    // What holds up the stack as a whole is told beside services that all run.
    const told = services.some(({ state }) => state === status.state);
    return told ? services : [...services, { name: stackName, state: status.state }];
  });
  return { ...counts, health, summary: summaryOf(items) };
}

interface Item {
  readonly name: string;
  readonly state: ServiceState;
}

function summaryOf(items: readonly Item[]): string {
  const well = items.filter(({ state }) => state === "running" || state === "completed").length;
  const others = GRAVITY.flatMap((state) => {
    if (state === "running" || state === "completed") return [];
    const names = items.flatMap((item) => (item.state === state ? [item.name] : []));
    return names.length === 0 ? [] : [`${names.length} ${state}: ${namesOf(names)}`];
  });
  return [...(well === 0 ? [] : [`${well} ok`]), ...others].join(", ");
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}
