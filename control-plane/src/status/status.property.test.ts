import { hostHealth, summaryText } from "@windflow/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hostReportHealth } from "./host-health.ts";
import type { HostStackFacts, ServiceState, ServiceStatus } from "./model.ts";
import { countedFacts } from "./counted.ts";
import { hostStackStatus, stackStatus, statusOfAlike } from "./plan.ts";

// What may happen to one host's part of a stack, in any order, with time passing in between.
type Happening =
  | {
      readonly what: "report";
      readonly revision: number;
      readonly states: ServiceState[];
      readonly drift: number;
      readonly held: boolean;
    }
  | { readonly what: "confirm" }
  | { readonly what: "presence"; readonly presence: HostStackFacts["presence"] }
  | { readonly what: "engine"; readonly problem: string }
  | { readonly what: "want"; readonly revision: number }
  | { readonly what: "time"; readonly ms: number };

const STATES: ServiceState[] = [
  "unknown",
  "pending",
  "pulling",
  "starting",
  "running",
  "unhealthy",
  "completed",
  "crash-looping",
  "failed",
  "stopped",
];
const revision = fc.nat({ max: 3 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    what: fc.constant("report" as const),
    revision: fc.integer({ min: 1, max: 3 }),
    states: fc.array(fc.constantFrom(...STATES), { maxLength: 4 }),
    drift: fc.nat({ max: 2 }),
    held: fc.boolean(),
  }),
  fc.constant({ what: "confirm" as const }),
  fc.record({
    what: fc.constant("presence" as const),
    presence: fc.constantFrom("never-seen", "online", "stale", "offline", "quarantined", "revoked"),
  }),
  fc.record({ what: fc.constant("engine" as const), problem: fc.constantFrom("", "connection refused") }),
  fc.record({ what: fc.constant("want" as const), revision }),
  fc.record({ what: fc.constant("time" as const), ms: fc.nat({ max: 5 * 86_400_000 }) }),
);
const START = Date.parse("2026-11-20T12:00:00Z");

interface World {
  readonly now: number;
  readonly host: HostStackFacts;
}
const begin = (i: number): World => ({
  now: START,
  host: {
    hostId: `hst_${i}`,
    hostName: `host-${i}`,
    presence: "never-seen",
    presenceCause: "its agent has not connected yet",
    desiredRevision: 1,
    engineProblem: "",
  },
});
const serviceOf = (state: ServiceState, i: number): ServiceStatus => ({
  service: `s${i}`,
  state,
  cause: `it is ${state}`,
  containersRunning: 0,
  containersWanted: 1,
  containerIds: [],
  lastLogLines: [],
  evidence: [],
});

function happen({ now, host }: World, event: Happening): World {
  const at = new Date(now);
  switch (event.what) {
    case "time":
      return { now: now + event.ms, host };
    case "want":
      return { now, host: { ...host, desiredRevision: event.revision } };
    case "engine":
      return { now, host: { ...host, engineProblem: event.problem } };
    case "presence":
      return { now, host: { ...host, presence: event.presence, presenceCause: `it is ${event.presence}` } };
    case "confirm":
      return { now, host: host.report ? { ...host, report: { ...host.report, confirmedAt: at } } : host };
    case "report": {
      const report = {
        revision: event.revision,
        observedAt: at,
        confirmedAt: at,
        problem: "",
        services: event.states.map(serviceOf),
        heldRevision: event.held ? event.revision : 0,
        drift: Array.from({ length: event.drift }, (_, i) => `create-container c${i}: it is gone`),
      };
      return { now, host: { ...host, lastSeenAt: at, engineProblem: "", report } };
    }
  }
}

const isReached = ({ presence }: HostStackFacts): boolean => presence === "online" || presence === "stale";

test("whatever happens to a host in whatever order, nothing is claimed that was not observed", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (events) => {
      let world = begin(1);
      for (const event of events) {
        const before = world;
        world = happen(world, event);
        const { host } = world;
        const now = new Date(world.now);
        const copy = structuredClone(host);
        const status = hostStackStatus(host, now);
        expect(hostStackStatus(copy, now)).toEqual(status);
        expect(host).toEqual(copy);
        expect(status.cause).not.toBe("");
        const sighted = isReached(host) && host.engineProblem === "";
        // Not reached, or blind: unknown, and never failed or well.
        if (!sighted) expect(status.state).toBe("unknown");
        const reported = new Map((host.report?.services ?? []).map((one) => [one.service, one.state]));
        for (const { service, state } of status.services)
          expect(state).toBe(sighted ? reported.get(service) : "unknown");
        expect(status.services).toHaveLength(reported.size);
        const isWell = status.state === "running" || status.state === "completed";
        if (isWell) {
          expect(host.desiredRevision === 0 || host.report?.revision === host.desiredRevision).toBe(true);
          expect([...reported.values()].every((state) => ["running", "completed", "stopped"].includes(state))).toBe(
            true,
          );
          expect([...reported.values()]).toContain(status.state);
          expect(reported.size).toBeGreaterThan(0);
          if ((host.report?.drift.length ?? 0) > 0 && host.desiredRevision > 0)
            expect(status.cause).toContain("not as wanted");
        }
        // Ages: none without an observation, none below 0, and they only grow while nothing is heard.
        if (host.report === undefined) expect(status.ageSeconds).toBeUndefined();
        else expect(status.ageSeconds).toBe((world.now - host.report.confirmedAt.getTime()) / 1000);
        if (event.what === "time" && host.report !== undefined) {
          const age = hostStackStatus(before.host, new Date(before.now)).ageSeconds ?? 0;
          expect(status.ageSeconds).toBeGreaterThanOrEqual(age);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("a roll-up counts every host once, takes none that is away for failed, and does not depend on their order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(happening, { maxLength: 12 }), { maxLength: 8 }),
      fc.nat({ max: 86_400_000 * 3 }),
      (histories, later) => {
        const hosts = histories.map((events, i) => events.reduce(happen, begin(i)).host);
        const now = new Date(START + 12 * 5 * 86_400_000 + later);
        const status = stackStatus(hosts, now);
        const stopped = Number(/(\d+) stopped/.exec(status.summary)?.[1] ?? 0);
        const { hostsOk, hostsFailed, hostsInProgress, hostsNotReached, hostsUnknown } = status;
        expect(hostsOk + hostsFailed + hostsInProgress + hostsNotReached + hostsUnknown + stopped).toBe(hosts.length);
        expect(hostsNotReached).toBe(hosts.filter((host) => !isReached(host)).length);
        const failed = hosts.filter(
          (host) =>
            isReached(host) &&
            host.engineProblem === "" &&
            host.report?.services.some(({ state }) => ["failed", "crash-looping", "unhealthy"].includes(state)),
        );
        expect(hostsFailed).toBeLessThanOrEqual(failed.length);
        const turned = stackStatus(hosts.toReversed(), now);
        expect({ ...turned, hosts: [] }).toEqual({ ...status, hosts: [] });
        expect(stackStatus(structuredClone(hosts), now)).toEqual(status);
      },
    ),
    { numRuns: 300 },
  );
});

test("a host is as well as the worst of its stacks, and nothing is known of one that is away", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(happening, { maxLength: 12 }), { maxLength: 5 }),
      fc.constantFrom<HostStackFacts["presence"]>("never-seen", "online", "stale", "offline", "quarantined", "revoked"),
      fc.constantFrom("", "connection refused"),
      (histories, presence, engineProblem) => {
        const now = new Date(START + 10 ** 9);
        const stacks = histories.map((events, i) => ({
          stackName: `stack-${i}`,
          facts: { ...events.reduce(happen, begin(i)).host, presence: "online" as const, engineProblem: "" },
        }));
        const reported = hostReportHealth(stacks, engineProblem, now);
        const states = stacks.map(({ facts }) => hostStackStatus(facts, now).state);
        if (engineProblem === "" && stacks.length === 0)
          expect(reported).toMatchObject({ health: "empty", summary: "" });
        if (engineProblem !== "") expect(reported.health).toBe("unknown");
        if (reported.health === "ok")
          expect(states.every((state) => ["running", "completed", "stopped"].includes(state))).toBe(true);
        if (reported.health === "failed")
          expect(states.some((state) => ["failed", "crash-looping", "unhealthy"].includes(state))).toBe(true);
        const shown = hostHealth({ presence, reported, lastHeardAt: START, now: now.getTime() });
        const reached = presence === "online" || presence === "stale";
        expect(shown.health).toBe(reached ? reported.health : "unknown");
        if (presence === "offline") expect(shown.summary.startsWith("not reached since 2026-11-20")).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

test("the words of a host and of a roll-up", () => {
  const now = START;
  const counts = { ok: 47, failed: 1, stopped: 0, inProgress: 0, unknown: 0, empty: 0, notReached: 2 };
  const since = Date.parse("2026-11-20T11:02:30Z");
  expect(summaryText({ ...counts, notReachedSince: since }, now)).toBe(
    "47 ok, 1 failed, 2 not reached since 11:02 UTC",
  );
  expect(summaryText(counts, now)).toBe("47 ok, 1 failed, 2 not reached");
  const facts = (states: ServiceState[]) => ({
    ...happen(begin(1), { what: "report", revision: 1, states, drift: 1, held: true }).host,
    presence: "online" as const,
  });
  const stacks = [
    { stackName: "shop", facts: facts(["running", "crash-looping", "completed"]) },
    { stackName: "blog", facts: { ...facts([]), desiredRevision: 2 } },
  ];
  expect(hostReportHealth(stacks, "", new Date(now))).toEqual({
    health: "failed",
    summary: "2 ok, 1 crash-looping: shop/s1, 1 pending: blog",
    stacksDrifted: 2,
    stacksHeld: 2,
  });
  const reported = { health: "failed" as const, summary: "2 ok, 1 crash-looping: shop/s1" };
  expect(hostHealth({ presence: "offline", lastHeardAt: since, reported, now })).toEqual({
    health: "unknown",
    summary: "not reached since 11:02 UTC; last known: 2 ok, 1 crash-looping: shop/s1",
  });
});

test("hosts that stand alike count as they do one by one", () => {
  const fact = fc.record({
    presence: fc.constantFrom<HostStackFacts["presence"]>("never-seen", "online", "stale", "offline", "revoked"),
    desiredRevision: revision,
    engineProblem: fc.constantFrom("", "", "connection refused", "no socket"),
    lastSeenAt: fc.option(
      fc.nat({ max: 86_400_000 }).map((ms) => new Date(START + ms)),
      { nil: undefined },
    ),
    report: fc.option(
      fc.record({
        revision,
        heldRevision: revision,
        problem: fc.constantFrom("", "no room"),
        states: fc.array(fc.constantFrom(...STATES), { maxLength: 3 }),
      }),
      { nil: undefined },
    ),
  });
  const now = new Date(START + 86_400_000);
  fc.assert(
    fc.property(fc.array(fact, { maxLength: 30 }), (world) => {
      const facts = world.map(({ report, lastSeenAt, ...rest }, i): HostStackFacts => {
        const said = { observedAt: now, confirmedAt: now, drift: [] };
        const services = report?.states.map(serviceOf) ?? [];
        return {
          hostId: `hst_${i}`,
          hostName: `host-${i}`,
          presenceCause: "silent",
          ...rest,
          ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
          ...(report === undefined ? {} : { report: { ...said, ...report, services } }),
        };
      });
      const alike = Map.groupBy(facts, ({ presence, desiredRevision, engineProblem, report }) => {
        const states = [...new Set(report?.services.map(({ state }) => state))].toSorted();
        return JSON.stringify([
          presence,
          desiredRevision,
          engineProblem !== "",
          report?.revision,
          report?.heldRevision,
          states,
        ]);
      });
      const groups = [...alike.values()].map((members) => {
        const [first] = members as [HostStackFacts];
        const seen = members.flatMap(({ lastSeenAt }) => lastSeenAt?.getTime() ?? []);
        const { presence, desiredRevision, engineProblem, report } = first;
        const serviceStates = [...new Set(report?.services.map(({ state }) => state))];
        const counted = countedFacts({
          presence,
          desiredRevision,
          isBlind: engineProblem !== "",
          lastSeenAt: seen.length === 0 ? undefined : new Date(Math.min(...seen)),
          report: report && { revision: report.revision, heldRevision: report.heldRevision, serviceStates },
        });
        return { facts: counted, hosts: members.length };
      });
      expect({ ...statusOfAlike(groups, now), hosts: [] }).toEqual({ ...stackStatus(facts, now), hosts: [] });
    }),
  );
});
