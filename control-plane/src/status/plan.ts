import {
  worstState,
  type HostStackFacts,
  type HostStackStatus,
  type ServiceStatus,
  type StackStatus,
} from "./model.ts";

type Standing = "ok" | "failed" | "not-reached" | "in-progress" | "stopped";

/** The one derivation of a stack's status. @param now for the words of how long a host is away */
export function stackStatus(facts: readonly HostStackFacts[], now: Date): StackStatus {
  const hosts = facts.map((host) => ({ facts: host, status: hostStackStatus(host), standing: standingOf(host) }));
  const having = (standing: Standing): typeof hosts => hosts.filter((host) => host.standing === standing);
  const away = having("not-reached");
  const counts: [number, string][] = [
    [having("ok").length, "ok"],
    [having("failed").length, "failed"],
    [having("stopped").length, "stopped"],
    [having("in-progress").length, "in progress"],
    [
      away.length,
      `not reached${sinceText(
        away.map((host) => host.facts),
        now,
      )}`,
    ],
  ];
  const summary = counts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(", ");
  const state = worstState(hosts.map((host) => host.status.state));
  return {
    ...(state === undefined ? {} : { state }),
    summary: summary === "" ? "on no host" : summary,
    hostsOk: having("ok").length,
    hostsFailed: having("failed").length,
    hostsNotReached: away.length,
    hostsInProgress: having("in-progress").length,
    hosts: hosts.map((host) => host.status),
  };
}

/** One host's part: what it reported, unless it cannot be reached: then nothing is known, and what was is named. */
export function hostStackStatus(facts: HostStackFacts): HostStackStatus {
  const { hostId, hostName, desiredRevision, report } = facts;
  const base = {
    hostId,
    hostName,
    desiredRevision,
    observedRevision: report?.revision ?? 0,
    ...(report === undefined ? {} : { observedAt: report.observedAt }),
  };
  const blind = whyBlind(facts);
  if (blind !== undefined) {
    const services = (report?.services ?? []).map((service) => unknownNow(service, blind));
    return { ...base, state: "unknown", cause: blind, services };
  }
  const services = report?.services ?? [];
  if (desiredRevision !== 0 && report?.revision !== desiredRevision) {
    const cause = report?.problem || `revision ${desiredRevision} is not applied yet`;
    return { ...base, state: worstState([...active(services), "pending"]) ?? "pending", cause, services };
  }
  const state = worstState(services.map((service) => service.state)) ?? "pending";
  const worst = services.find((service) => service.state === state);
  return { ...base, state, cause: causeOf(state, report?.problem ?? "", worst, desiredRevision), services };
}

function causeOf(state: string, problem: string, worst: ServiceStatus | undefined, desiredRevision: number): string {
  if (desiredRevision === 0) return problem || "the stack is being removed from the host";
  if (problem !== "") return problem;
  if (state === "running" || state === "completed") return "every service is as wanted";
  return worst === undefined ? "the host has not reported its services yet" : `${worst.service}: ${worst.cause}`;
}

// While a newer revision is applied, only what goes on counts: that the old containers end is wanted.
function active(services: readonly ServiceStatus[]): ("pulling" | "starting")[] {
  return services.flatMap(({ state }) => (state === "pulling" || state === "starting" ? [state] : []));
}

function whyBlind(facts: HostStackFacts): string | undefined {
  if (facts.presence !== "online" && facts.presence !== "stale") return facts.presenceCause;
  return facts.engineProblem === "" ? undefined : `the host cannot ask its engine: ${facts.engineProblem}`;
}

function unknownNow(service: ServiceStatus, why: string): ServiceStatus {
  return { ...service, state: "unknown", cause: `${why}; last reported ${service.state}` };
}

function standingOf(facts: HostStackFacts): Standing {
  if (facts.presence !== "online" && facts.presence !== "stale") return "not-reached";
  const { state, observedRevision, desiredRevision } = hostStackStatus(facts);
  switch (state) {
    case "failed":
    case "crash-looping":
    case "unhealthy":
    case "unknown":
      return "failed";
    case "stopped":
      return "stopped";
    case "running":
    case "completed":
      return observedRevision === desiredRevision ? "ok" : "in-progress";
    case "pulling":
    case "starting":
    case "pending":
      return "in-progress";
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

function sinceText(away: readonly HostStackFacts[], now: Date): string {
  const times = away.flatMap((host) => (host.lastSeenAt === undefined ? [] : [host.lastSeenAt.getTime()]));
  if (times.length === 0) return "";
  const first = new Date(Math.min(...times));
  const text = first.toISOString();
  return now.getTime() - first.getTime() < DAY_MS ? ` since ${text.slice(11, 16)} UTC` : ` since ${text.slice(0, 10)}`;
}
