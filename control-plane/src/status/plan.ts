import { healthOf, summaryText, worstState } from "@windflow/core";
import type { HostStackFacts, HostStackStatus, ServiceState, ServiceStatus, StackStatus } from "./model.ts";

export type Standing = "ok" | "failed" | "not-reached" | "in-progress" | "stopped" | "unknown";

/** Hosts that stand alike: as far as their counts go, one of them is told for all. */
export interface AlikeHosts {
  readonly facts: HostStackFacts;
  readonly hosts: number;
}

/** The one derivation of a stack's status. @param now for ages, and the words of how long a host is away */
export function stackStatus(facts: readonly HostStackFacts[], now: Date): StackStatus {
  return statusOfAlike(
    facts.map((host) => ({ facts: host, hosts: 1 })),
    now,
  );
}

/** The same of groups, in which every host stands as the one that is told, and that one was heard of first; its `hosts` are these. */
export function statusOfAlike(groups: readonly AlikeHosts[], now: Date): StackStatus {
  const told = groups.map(({ facts, hosts }) => {
    const status = hostStackStatus(facts, now);
    return { facts, hosts, status, standing: standingOf(facts, status) };
  });
  const count = (standing: Standing): number =>
    told.reduce((sum, group) => (group.standing === standing ? sum + group.hosts : sum), 0);
  const away = told.flatMap(({ facts: host, standing }) =>
    standing === "not-reached" && host.lastSeenAt !== undefined ? [host.lastSeenAt.getTime()] : [],
  );
  const counts = {
    ok: count("ok"),
    failed: count("failed"),
    stopped: count("stopped"),
    inProgress: count("in-progress"),
    unknown: count("unknown"),
    empty: 0,
    notReached: count("not-reached"),
    ...(away.length === 0 ? {} : { notReachedSince: away.reduce((first, at) => Math.min(first, at)) }),
  };
  const state = worstState(told.map(({ status }) => status.state));
  return {
    ...(state === undefined ? {} : { state }),
    summary: summaryText(counts, now.getTime()) || "on no host",
    hostsOk: counts.ok,
    hostsFailed: counts.failed,
    hostsNotReached: counts.notReached,
    hostsInProgress: counts.inProgress,
    hostsUnknown: counts.unknown,
    hosts: told.map(({ status }) => status),
  };
}

/** One host's part: what it reported, unless it cannot be reached: then nothing is known, and what was is named. */
export function hostStackStatus(facts: HostStackFacts, now: Date): HostStackStatus {
  const { hostId, hostName, desiredRevision, report } = facts;
  const base = {
    hostId,
    hostName,
    desiredRevision,
    observedRevision: report?.revision ?? 0,
    heldRevision: report?.heldRevision ?? 0,
    drift: report?.drift ?? [],
    ...(report === undefined
      ? {}
      : { observedAt: report.observedAt, ageSeconds: secondsBetween(report.confirmedAt, now) }),
  };
  const blind = whyBlind(facts);
  if (blind !== undefined) {
    const services = (report?.services ?? []).map((service) => unknownNow(service, blind));
    return { ...base, state: "unknown", cause: blind, services };
  }
  const services = report?.services ?? [];
  if (desiredRevision !== 0 && report?.revision !== desiredRevision) {
    const held = base.heldRevision > 0 && base.heldRevision !== desiredRevision;
    if (held) {
      const cause = `root on the host holds revision ${base.heldRevision}; revision ${desiredRevision} waits`;
      const state = worstState([...services.map((service) => service.state), "pending"]) ?? "pending";
      return { ...base, state, cause, services };
    }
    const cause = report?.problem || `revision ${desiredRevision} is not applied yet`;
    return { ...base, state: worstState(active(services)) ?? "pending", cause, services };
  }
  const state = worstState(services.map((service) => service.state)) ?? "pending";
  return { ...base, state, cause: causeOf(state, facts, services), services };
}

function causeOf(state: ServiceState, facts: HostStackFacts, services: readonly ServiceStatus[]): string {
  const problem = facts.report?.problem ?? "";
  const held = facts.report?.heldRevision ?? 0;
  if (facts.desiredRevision === 0 && held > 0)
    return `root on the host holds revision ${held}; it is removed once it is released`;
  if (facts.desiredRevision === 0) return problem || "the stack is being removed from the host";
  if (problem !== "") return problem;
  const worst = services.find((service) => service.state === state);
  if (worst === undefined) return "the host has not reported its services yet";
  if (state !== "running" && state !== "completed") return `${worst.service}: ${worst.cause}`;
  const differences = facts.report?.drift.length ?? 0;
  if (differences === 0) return "every service is as wanted";
  return `every service runs; ${differences} ${differences === 1 ? "thing is" : "things are"} not as wanted`;
}

// While a newer revision is applied, only what goes on counts: that the old containers end is wanted.
function active(services: readonly ServiceStatus[]): ("pulling" | "starting")[] {
  return services.flatMap(({ state }) => (state === "pulling" || state === "starting" ? [state] : []));
}

function whyBlind(facts: HostStackFacts): string | undefined {
  if (!isReached(facts)) return facts.presenceCause;
  return facts.engineProblem === "" ? undefined : `the host cannot ask its engine: ${facts.engineProblem}`;
}

function unknownNow(service: ServiceStatus, why: string): ServiceStatus {
  const now: { -readonly [Key in keyof ServiceStatus]: ServiceStatus[Key] } = {
    ...service,
    state: "unknown",
    cause: `${why}; last reported ${service.state}`,
  };
  // Whether it still tries is not known either.
  delete now.nextAttemptAt;
  return now;
}

export function standingOf(facts: HostStackFacts, status: HostStackStatus): Standing {
  if (!isReached(facts)) return "not-reached";
  const { state, observedRevision, desiredRevision } = status;
  if (state === "stopped") return "stopped";
  switch (healthOf(state)) {
    case "failed":
      return "failed";
    case "unknown":
      return "unknown";
    case "in-progress":
      return "in-progress";
    case "ok":
      return observedRevision === desiredRevision ? "ok" : "in-progress";
  }
}

function isReached({ presence }: HostStackFacts): boolean {
  return presence === "online" || presence === "stale";
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime()) / 1000;
}
