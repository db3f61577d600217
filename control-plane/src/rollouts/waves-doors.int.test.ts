import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  ApproveWaveRequest,
  CreateRolloutRequest,
  PauseRolloutRequest,
  ResumeRolloutRequest,
  RetryRolloutRequest,
  Rollout_State,
  RolloutsServiceClient,
  RollBackRolloutRequest,
  RolloutWave_State,
  type ListRolloutHostsResponse,
  type Rollout,
  type Stack,
} from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";
import { createTestClient, type TestClient } from "../testing/rest.ts";

let app: TestApp;
let stackId: string;
beforeAll(async () => {
  app = await startTestApp();
  const hosts = testHosts(app);
  // Enrolled and never seen: a rollout waits for them, and every act can be tried meanwhile.
  const hostIds = [(await hosts.newHost("one")).hostId, (await hosts.newHost("two")).hostId];
  const stack = (await call("POST", "stacks", { name: "doors", placement: { hostIds } })).json as Stack;
  stackId = stack.id;
  const source = { files: { "compose.yaml": "services: {web: {image: hello:1}}" } };
  await call("POST", `stacks/${stackId}/revisions`, { source });
});
afterAll(async () => {
  await app?.stop();
});

const call = (method: string, rest: string, body?: unknown, client: TestClient = app.rest): Promise<TestResponse> =>
  client.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
const strategy = {
  waves: [
    { name: "canary", hosts: 1, pauseSeconds: 60 },
    { percent: 100, needsApproval: true },
  ],
  failureBudget: 1,
  onFailure: "ON_FAILURE_ROLL_BACK",
  healthGate: { probes: [{ service: "web", http: { port: 80 } }] },
};
async function withPermissions(permissions: string[]): Promise<TestClient> {
  const made = await call("POST", "apiTokens", { name: permissions.join(), permissions });
  const authorization = `Bearer ${(made.json as { secret: string }).secret}`;
  return createTestClient({ port: app.port, ca: app.ca, headers: { authorization } });
}

test("REST: a strategy with its defaults, waves with what they wait for, and every act", async () => {
  const created = await call("POST", "rollouts", { stackId, strategy, reason: "a new door" });
  expect(created).toMatchObject({
    status: 200,
    json: {
      state: "STATE_WAITING",
      waitingFor: "WAIT_HOSTS",
      reason: "a new door",
      origin: "person",
      hostsNotReached: 2,
      currentWave: 1,
      waves: [
        { number: 1, name: "canary", state: "STATE_RUNNING", hostsTotal: 1, hostsNotReached: 1, pauseSeconds: 60 },
        { number: 2, name: "wave 2", state: "STATE_AWAITING_APPROVAL", needsApproval: true },
      ],
      strategy: {
        onFailure: "ON_FAILURE_ROLL_BACK",
        healthGate: { deadlineSeconds: 300, maxRestarts: 3, probes: [{ http: { path: "/" }, intervalSeconds: 5 }] },
      },
    },
  });
  const { id } = created.json as Rollout;
  const act = (verb: string, body: object = {}): Promise<TestResponse> => call("POST", `rollouts/${id}:${verb}`, body);
  expect(await act("pause", { reason: "lunch" })).toMatchObject({ status: 200, json: { state: "STATE_PAUSED" } });
  expect(await act("resume")).toMatchObject({ status: 200, json: { state: "STATE_WAITING" } });
  expect(await act("approve", { wave: 1 })).toMatchObject({
    status: 409,
    json: { code: "WF_ROLLOUT_WAVE_NOT_WAITING" },
  });
  expect(await act("approve", { wave: 0 })).toMatchObject({ status: 400 });
  const approved = await act("approve", { wave: 2 });
  expect(approved).toMatchObject({
    status: 200,
    // The canary's pause runs now.
    json: { waitingFor: "WAIT_PAUSE", waves: [{ state: "STATE_PASSED" }, { approvedBy: expect.stringMatching(/.+/) }] },
  });
  expect(await act("retry")).toMatchObject({ status: 409, json: { code: "WF_ROLLOUT_NOTHING_FAILED" } });
  const back = await act("rollBack", { reason: "wrong door" });
  expect(back).toMatchObject({
    status: 200,
    json: { state: "STATE_ROLLED_BACK", cause: expect.stringContaining("wrong door") },
  });
  expect(await act("pause")).toMatchObject({ status: 409, json: { code: "WF_ROLLOUT_ENDED" } });
  const listed = await call("GET", `rollouts?stackId=${stackId}`);
  expect(listed).toMatchObject({ json: { rollouts: [{ id, waves: [{ hostsTotal: 1 }, { hostsTotal: 1 }] }] } });
});

test("hosts of a rollout come page by page, by wave and name; the message itself has the first thousand, failed ones first", async () => {
  const { id } = (await call("POST", "rollouts", { stackId, strategy })).json as Rollout;
  // As a fleet of 1,300 leaves them: the last by name has failed.
  await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql`INSERT INTO rollout_hosts (rollout_id, host_id, organization_id, host_name, action, state, cause, previous_revision, wave, retries)
      SELECT ${id}, 'hst_many_' || i, ${app.organizationId}, 'zz-' || lpad(i::text, 4, '0'), 'deploy',
        CASE WHEN i = 1300 THEN 'failed' ELSE 'succeeded' END, '', 0, 2, 0 FROM generate_series(1, 1300) i`.execute(
      tx.queries,
    ),
  );
  const whole = (await call("GET", `rollouts/${id}`)).json as Rollout;
  expect(whole).toMatchObject({ hostsTotal: 1_302, hostsFailed: 1, hostsSucceeded: 1_299 });
  expect(whole.hosts).toHaveLength(1_000);
  expect(whole.hosts.at(-1)).toMatchObject({ hostName: "zz-1300", state: "STATE_FAILED" });
  const names: string[] = [];
  let token = "";
  do {
    const page = await call("GET", `rollouts/${id}/hosts?page.size=500&page.token=${token}`);
    const { hosts, nextPageToken, total } = page.json as ListRolloutHostsResponse;
    expect(total).toBe(1_302);
    names.push(...hosts.map((host) => host.hostName));
    token = nextPageToken;
  } while (token !== "");
  expect(names).toHaveLength(1_302);
  expect(new Set(names).size).toBe(1_302);
  expect(names.slice(-2)).toEqual(["zz-1299", "zz-1300"]);
  expect(await call("GET", `rollouts/${id}/hosts?states=STATE_FAILED`)).toMatchObject({
    json: { total: 1, hosts: [{ hostName: "zz-1300", wave: 2 }], nextPageToken: "" },
  });
  expect(await call("GET", `rollouts/${id}/hosts?wave=2&nameContains=ZZ-000`)).toMatchObject({ json: { total: 9 } });
  expect((await call("GET", `rollouts/${id}/hosts?page.token=forged`)).status).toBe(400);
  expect((await call("GET", `rollouts/rol_none/hosts`)).status).toBe(404);
  const elsewhere = await app.rest.call("GET", `/v1/organizations/org_other/rollouts/${id}/hosts`);
  expect([403, 404]).toContain(elsewhere.status);
});

test("what a strategy cannot be is refused at its place", async () => {
  const beside = await call("POST", "rollouts", { stackId, strategy, maxParallel: 2 });
  expect(beside).toMatchObject({ status: 400, json: { violations: [{ path: "max_parallel" }] } });
  const sizeless = await call("POST", "rollouts", { stackId, strategy: { waves: [{ name: "canary" }] } });
  expect(sizeless).toMatchObject({ status: 400, json: { violations: [{ path: "strategy.waves[0]" }] } });
});

test("approving is a permission apart, and another organization sees nothing", async () => {
  const { id } = (await call("POST", "rollouts", { stackId, strategy })).json as Rollout;
  const writer = await withPermissions(["rollouts.read", "rollouts.write"]);
  const approver = await withPermissions(["rollouts.approve"]);
  const path = `rollouts/${id}:approve`;
  expect((await call("POST", path, { wave: 2 }, writer)).status).toBe(403);
  for (const verb of ["pause", "resume", "retry", "rollBack", "cancel"]) {
    expect((await call("POST", `rollouts/${id}:${verb}`, {}, approver)).status, verb).toBe(403);
    const elsewhere = await app.rest.call("POST", `/v1/organizations/org_other/rollouts/${id}:${verb}`, {});
    expect([403, 404], verb).toContain(elsewhere.status);
  }
  expect((await call("POST", path, { wave: 2 }, approver)).status).toBe(200);
});

test("a command in a container, as a probe, takes what a shell there takes, or the right to write stacks", async () => {
  const probes = [{ service: "web", exec: { command: ["cat", "/run/secrets/key"] } }];
  const body = { stackId, strategy: { healthGate: { probes } } };
  const start = async (...more: string[]): Promise<TestResponse> =>
    call("POST", "rollouts", body, await withPermissions(["rollouts.read", "rollouts.write", ...more]));
  const refused = await start();
  expect(refused).toMatchObject({ status: 403, json: { detail: expect.stringContaining("containers.exec") } });
  expect((await start("containers.exec")).status).toBe(200);
  expect((await start("stacks.write")).status).toBe(200);
});

test("to pass closed windows, holds of root and the stack's own approvals takes the right to approve", async () => {
  const policy = { rollout: { waves: [{ hosts: 1 }, { percent: 100, needsApproval: true }] } };
  expect((await call("PATCH", `stacks/${stackId}`, { policy })).status).toBe(200);
  const writer = await withPermissions(["rollouts.read", "rollouts.write"]);
  const approver = await withPermissions(["rollouts.read", "rollouts.write", "rollouts.approve"]);
  for (const passing of [
    { ignoreWindows: true },
    { overrideLocalHolds: true },
    { strategy: { waves: [{ hosts: 1 }] } },
  ]) {
    const refused = await call("POST", "rollouts", { stackId, ...passing }, writer);
    expect(refused, JSON.stringify(passing)).toMatchObject({
      status: 403,
      json: { detail: expect.stringContaining("rollouts.approve") },
    });
    expect((await call("POST", "rollouts", { stackId, ...passing }, approver)).status).toBe(200);
  }
  expect((await call("POST", "rollouts", { stackId }, writer)).status).toBe(200);
  expect((await call("PATCH", `stacks/${stackId}`, { policy: {} })).status).toBe(200);
});

test("gRPC: the same acts", async () => {
  const client = new RolloutsServiceClient(`127.0.0.1:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  const { organizationId: organization } = app;
  const answered = (
    send: (done: (error: ServiceError | null, rollout: Rollout) => void) => unknown,
  ): Promise<Rollout> =>
    new Promise((resolve, reject) => {
      send((error, rollout) => (error === null ? resolve(rollout) : reject(error)));
    });
  const wanted = CreateRolloutRequest.fromPartial({
    organization,
    stackId,
    strategy: { waves: [{ size: { $case: "hosts", value: 1 } }] },
  });
  const created = await answered((done) => client.createRollout(wanted, metadata, done));
  expect(created.waves.map((wave) => wave.state)).toEqual([
    RolloutWave_State.STATE_RUNNING,
    RolloutWave_State.STATE_AWAITING_APPROVAL,
  ]);
  const one = { organization, rolloutId: created.id };
  const paused = await answered((done) => client.pauseRollout(PauseRolloutRequest.fromPartial(one), metadata, done));
  expect(paused.state).toBe(Rollout_State.STATE_PAUSED);
  const resumed = await answered((done) => client.resumeRollout(ResumeRolloutRequest.fromPartial(one), metadata, done));
  expect(resumed.state).toBe(Rollout_State.STATE_WAITING);
  const approval = ApproveWaveRequest.fromPartial({ ...one, wave: 2 });
  const approved = await answered((done) => client.approveWave(approval, metadata, done));
  expect(approved.waves[1]?.startedAt).toBeInstanceOf(Date);
  await expect(
    answered((done) => client.retryRollout(RetryRolloutRequest.fromPartial(one), metadata, done)),
  ).rejects.toMatchObject({ code: 9 });
  const back = await answered((done) =>
    client.rollBackRollout(RollBackRolloutRequest.fromPartial(one), metadata, done),
  );
  expect(back.state).toBe(Rollout_State.STATE_ROLLED_BACK);
  client.close();
});
