import { expect, test } from "vitest";
import type { HostStackFacts, ServiceState, ServiceStatus } from "./model.ts";
import { hostStackStatus, stackStatus } from "./plan.ts";

const NOW = new Date("2026-11-20T15:00:00Z");
const service = (state: ServiceState, more: Partial<ServiceStatus> = {}): ServiceStatus => ({
  service: "web",
  state,
  cause: `it is ${state}`,
  containersRunning: 1,
  containersWanted: 1,
  containerIds: ["c1"],
  lastLogLines: [],
  evidence: [],
  ...more,
});
const host = (hostName: string, states: ServiceState[], more: Partial<HostStackFacts> = {}): HostStackFacts => ({
  hostId: `hst_${hostName}`,
  hostName,
  presence: "online",
  presenceCause: "",
  lastSeenAt: NOW,
  desiredRevision: 3,
  engineProblem: "",
  report: {
    revision: 3,
    observedAt: NOW,
    confirmedAt: NOW,
    problem: "",
    services: states.map((state) => service(state)),
    heldRevision: 0,
    drift: [],
  },
  ...more,
});
const offline = (since: string): Partial<HostStackFacts> => ({
  presence: "offline",
  presenceCause: "no heartbeat since 14:02",
  lastSeenAt: new Date(since),
});

test("counts hosts by what somebody has to do, and says since when others are away", () => {
  const status = stackStatus(
    [
      host("a", ["running", "completed"]),
      host("b", ["running", "failed"]),
      host("c", ["running"], offline("2026-11-20T14:02:00Z")),
      host("d", ["running"], offline("2026-11-20T14:30:00Z")),
      host("e", ["starting"]),
    ],
    NOW,
  );
  expect(status.summary).toBe("1 ok, 1 failed, 1 in progress, 2 not reached since 14:02 UTC");
  expect(status.state).toBe("failed");
  expect(stackStatus([host("c", [], offline("2026-11-12T14:02:00Z"))], NOW).summary).toBe(
    "1 not reached since 2026-11-12",
  );
  expect(stackStatus([], NOW)).toMatchObject({ summary: "on no host" });
});

test("a host that is away is unknown, not down, and what it last said is named", () => {
  const status = hostStackStatus(host("c", ["running"], offline("2026-11-20T14:02:00Z")), NOW);
  expect(status).toMatchObject({ state: "unknown", cause: "no heartbeat since 14:02" });
  expect(status.services[0]).toMatchObject({
    state: "unknown",
    cause: "no heartbeat since 14:02; last reported running",
  });
});

test("an engine that cannot be asked makes nothing green", () => {
  const status = hostStackStatus(host("a", ["running"], { engineProblem: "connection refused" }), NOW);
  expect(status).toMatchObject({ state: "unknown", cause: "the host cannot ask its engine: connection refused" });
});

test("containers that run an older revision are not ok", () => {
  const old = host("a", ["running"], { desiredRevision: 4 });
  expect(hostStackStatus(old, NOW)).toMatchObject({ state: "pending", cause: "revision 4 is not applied yet" });
  expect(stackStatus([old], NOW)).toMatchObject({ hostsOk: 0, hostsInProgress: 1 });
});

test("one that was stopped on purpose is neither ok nor failed", () => {
  expect(stackStatus([host("a", ["stopped"])], NOW)).toMatchObject({
    summary: "1 stopped",
    hostsOk: 0,
    hostsFailed: 0,
  });
});
