import { StackBody, type ObservedStack } from "@windflow/proto/agent";
import type { PlannedHost, Revision, Rollout, RolloutPlan, Stack } from "@windflow/proto/api";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";
import { observedStack } from "../testing/observed.ts";
import type { TestIdentity, TestSession } from "../testing/test-agent.ts";

let app: TestApp;
let hosts: TestHosts;
const sessions: TestSession[] = [];
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});
afterAll(async () => {
  await app.stop();
});

const call = (method: string, rest: string, body?: unknown): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
async function answer<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const response = await call(method, rest, body);
  if (response.status !== 200) throw new Error(`${method} ${rest}: ${response.status} ${response.text}`);
  return response.json as Answer;
}

/** A host whose agent answers plans with a line that says what was asked, until its session is closed. */
async function online(name: string, labels: Record<string, string>, problem = ""): Promise<TestIdentity> {
  const identity = await hosts.newHost(name, { labels });
  const session = await hosts.session(identity);
  sessions.push(session);
  await hosts.until(identity.hostId, ({ presence }) => String(presence) === "PRESENCE_ONLINE");
  void (async () => {
    for (;;) {
      const { requestId, body } = await session.next("planRequest", 60_000);
      const text = body.length === 0 ? "remove everything" : `bring ${StackBody.decode(body).stackId}`;
      const expectedDowntimeSeconds = { web: 2 };
      const reply = { requestId, text, steps: [], observedAt: new Date(), expectedDowntimeSeconds, problem };
      session.send({ $case: "planReply", value: reply });
    }
  })().catch(() => undefined);
  return identity;
}
async function newStack(name: string, placement: unknown, text: string): Promise<string> {
  const { id } = await answer<Stack>("POST", "stacks", { name, placement });
  await answer<Revision>("POST", `stacks/${id}/revisions`, { source: { files: { "compose.yaml": text } } });
  return id;
}
/** "wave 2: web-1 (not reached; window; port …)": what is said of each host. */
function text({ waves }: RolloutPlan): string[] {
  const said = (host: PlannedHost): string => {
    const parts = [
      host.leaving ? "leaves" : "",
      (host.notReached ?? "") === "" ? "" : "not reached",
      host.windowOpensAt === undefined ? "" : "window",
      host.plan === undefined ? "" : host.plan.text || host.plan.notReached,
      ...(host.conflicts ?? []),
    ];
    return `${host.hostName}: ${parts.filter((part) => (part ?? "") !== "").join(", ")}`;
  };
  return waves.flatMap((wave) => wave.hosts.map((host) => `${wave.number} ${wave.name} ${said(host)}`));
}

test("a rollout's plan says waves, steps, what is away, what conflicts, windows and whom it supersedes; nothing changes", async () => {
  const labels = { fleet: "preview" };
  const one = await online("p1", labels);
  const two = await online("p2", { ...labels, window: "nights" });
  await hosts.newHost("p3", { labels });
  await online("p4", labels, "WF_LOCAL_POLICY: root on the host allows no privileged containers");
  const other = await newStack(
    "holder",
    { hostIds: [one.hostId] },
    "services: {web: {image: 'a:1', ports: ['8080:80']}}",
  );
  await answer<Rollout>("POST", "rollouts", { stackId: other });
  const wanted = "services: {web: {image: 'b:1', ports: ['8080:80'], mem_reservation: 100g}}";
  const stackId = await newStack("shop", { matchLabels: labels }, wanted);
  const soon = new Date(Date.now() + 3_600_000).toISOString().slice(11, 16);
  const rule = {
    name: "nights",
    expressions: [{ key: "window", operator: "OPERATOR_EXISTS" }],
    timeZone: "UTC",
    opensAt: soon,
    durationMinutes: 1,
  };
  await answer("POST", "maintenanceWindows", { rule });
  const strategy = { waves: [{ name: "canary", hosts: 2, needsApproval: true, pauseSeconds: 60 }], maxParallel: 3 };
  const before = await answer<{ rollouts: Rollout[] }>("GET", "rollouts");
  const plan = await answer<RolloutPlan>("POST", "rollouts:plan", { stackId, strategy });
  const memory = "7629 MiB of memory are free, 102400 MiB are needed";
  expect(text(plan)).toEqual([
    `1 canary p1: bring ${stackId}, ${memory}, port 8080/tcp is taken on the host`,
    `1 canary p2: window, bring ${stackId}, ${memory}`,
    `2 the other hosts p3: not reached, ${memory}`,
    `2 the other hosts p4: ${plan.waves[1]?.hosts[1]?.plan?.notReached ?? ""}, ${memory}, WF_LOCAL_POLICY: root on the host allows no privileged containers`,
  ]);
  expect(plan).toMatchObject({
    hostsTotal: 4,
    hostsNotReached: 1,
    hostsInConflict: 4,
    revision: 1,
    waves: [{ needsApproval: true, pauseSeconds: 60, maxParallel: 3 }, { maxParallel: 3 }],
    strategy: { waves: [{ name: "canary" }] },
  });
  expect(plan.waves[0]?.hosts[0]?.plan?.expectedDowntimeSeconds).toEqual({ web: 2 });
  expect(plan.waves[1]?.hosts[0]?.notReached).toMatch(/^not reached since .*: /);
  expect(await answer("GET", "rollouts")).toEqual(before);

  const silent = await answer<RolloutPlan>("POST", "rollouts:plan", {
    stackId,
    withoutSteps: true,
    ignoreWindows: true,
  });
  expect(silent.waves[0]?.hosts[1]).toMatchObject({ hostName: "p2" });
  expect(
    silent.waves.flatMap((wave) => wave.hosts).some(({ windowOpensAt, plan: steps }) => windowOpensAt ?? steps),
  ).toBe(false);
  const { id: running } = await answer<Rollout>("POST", "rollouts", { stackId: other });
  const next = await answer<RolloutPlan>("POST", "rollouts:plan", { stackId: other, withoutSteps: true });
  expect(next.supersedesRolloutId).toBe(running);
  // Nobody follows the placement of what was never brought about.
  await answer("POST", `rollouts/${running}:cancel`, {});
  await answer("PATCH", `stacks/${other}`, { placement: { hostIds: [two.hostId] } });
  const moved = await answer<RolloutPlan>("POST", "rollouts:plan", { stackId: other, strategy: {} });
  expect(text(moved)).toEqual([`1 all hosts p2: window, bring ${other}`, "1 all hosts p1: leaves, remove everything"]);
});

test("what is held by root on a host is said; what a rollout would refuse is refused; nobody else's hosts are shown", async () => {
  const labels = { fleet: "held" };
  const identity = await hosts.newHost("h1", { labels });
  const session = await hosts.session(identity);
  sessions.push(session);
  await hosts.until(identity.hostId, ({ presence }) => String(presence) === "PRESENCE_ONLINE");
  const stackId = await newStack("held", { matchLabels: labels }, "services: {web: {image: 'a:1'}}");
  const stack: ObservedStack = observedStack({ stackId, revision: 7, heldRevision: 7 });
  const value = {
    at: new Date(),
    digest: "held",
    generation: undefined,
    engineProblem: "",
    containers: [],
    stacks: [stack],
  };
  session.send({ $case: "observed", value });
  let plan = await answer<RolloutPlan>("POST", "rollouts:plan", { stackId, withoutSteps: true });
  for (let i = 0; i < 50 && plan.hostsInConflict === 0; i++)
    plan = await answer<RolloutPlan>("POST", "rollouts:plan", { stackId, withoutSteps: true });
  expect(text(plan)[0]).toContain("root on the host holds it at revision 7");

  expect((await call("POST", "rollouts:plan", { stackId, revision: 9 })).status).toBe(404);
  expect((await call("POST", "rollouts:plan", { stackId: "stk_none" })).status).toBe(404);
  const { id: empty } = await answer<Stack>("POST", "stacks", { name: "empty", placement: {} });
  expect(await call("POST", "rollouts:plan", { stackId: empty })).toMatchObject({
    json: { code: "WF_STACK_NO_REVISION" },
  });
  const nowhere = await newStack("nowhere", {}, "services: {web: {image: 'a:1'}}");
  expect(await answer("POST", "rollouts:plan", { stackId: nowhere })).toMatchObject({
    short: "the placement matches no approved host",
  });
  const other = await app.rest.call("POST", "/v1/organizations/org_other/rollouts:plan", { stackId });
  expect(other.status).not.toBe(200);
});
