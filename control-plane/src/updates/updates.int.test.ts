import type { BodyChunk } from "@windflow/proto/agent";
import type { AgentRelease, AgentUpdate, AgentUpdateHost, AgentUpdatePlan, Host } from "@windflow/proto/api";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock, type Clock } from "../platform/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";
import { becomeRelease, oldBuild as build, updateStatus as status } from "./testing/agent.ts";
import { testReleaseKey, writeRelease } from "./testing/release.ts";

// On a machine that does much else, a look of the control plane takes seconds.
const PATIENCE_MS = 60_000;
let shiftMs = 0;
const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + shiftMs) };

let folder: string;
let app: TestApp;
let hosts: TestHosts;
let release: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-releases-"));
  release = await writeRelease(join(folder, "0.2.0"), "0.2.0", "commit-of-0.2.0");
  app = await startTestApp({ clock, parts: { installFolders: [folder], releaseKeys: [testReleaseKey] } });
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

async function call<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const answer = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  if (answer.status !== 200) throw new Error(`${method} ${rest}: ${answer.status} ${answer.text}`);
  return answer.json as Answer;
}
const updateOf = (id: string): Promise<AgentUpdate> => call("GET", `agentUpdates/${id}`);
const hostsOf = async (id: string): Promise<AgentUpdateHost[]> =>
  (await call<{ hosts: AgentUpdateHost[] }>("GET", `agentUpdates/${id}/hosts`)).hosts;
const statesOf = async (id: string): Promise<string[]> =>
  (await hostsOf(id)).map((host) => String(host.state).replace("STATE_", ""));

interface Fleet {
  readonly name: string;
  readonly identities: TestIdentity[];
  readonly sessions: TestSession[];
}

async function fleet(name: string, size: number, hello: object = { build }): Promise<Fleet> {
  const identities: TestIdentity[] = [];
  const sessions: TestSession[] = [];
  for (let i = 0; i < size; i++) {
    const identity = await hosts.newHost(`${name}-${i}`, { labels: { fleet: name } });
    identities.push(identity);
    sessions.push(await hosts.session(identity, hello));
  }
  return { name, identities, sessions };
}

const create = (body: Record<string, unknown>): Promise<AgentUpdate> =>
  call("POST", "agentUpdates", { releaseId: release, ...body });

const becomes = (identity: TestIdentity, session: TestSession): Promise<TestSession> =>
  becomeRelease(app, identity, session, PATIENCE_MS);

function fetchRelease(identity: TestIdentity, name: string, offset = 0n, releaseId = release): Promise<Buffer> {
  const client = dial(app, identity);
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    const stream = client.fetchRelease({ name, offset, releaseId });
    stream.on("data", (chunk: BodyChunk) => chunks.push(chunk.content));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
  }).finally(() => client.close());
}

test("releases: those that lie here, with what is wrong with them, and those that hosts run", async () => {
  const { sessions } = await fleet("listed", 1);
  await writeRelease(join(folder, "0.3.0"), "0.3.0", "cut");
  await writeFile(join(folder, "0.3.0", "windflow-agent-linux-x64.zst"), randomBytes(100_000));
  await writeRelease(join(folder, "0.4.0"), "0.4.0", "unsigned");
  await unlink(join(folder, "0.4.0", "SHA256SUMS.sig"));
  await writeRelease(join(folder, "0.5.0"), "0.5.0", "foreign");
  await writeFile(join(folder, "0.5.0", "SHA256SUMS.sig"), randomBytes(64));
  const { releases } = await call<{ releases: AgentRelease[] }>("GET", "agentReleases");
  expect(releases.map(({ version, available, problem }) => ({ version, available, problem }))).toEqual([
    { version: "0.5.0", available: false, problem: expect.stringContaining("not signed by a release key") },
    { version: "0.4.0", available: false, problem: expect.stringContaining("SHA256SUMS.sig is missing") },
    {
      version: "0.3.0",
      available: false,
      problem: expect.stringContaining("windflow-agent-linux-x64.zst is not what was released"),
    },
    { version: "0.2.0", available: true, problem: "" },
    { version: "0.1.0", available: false, problem: "" },
  ]);
  expect(releases[3]).toMatchObject({
    commit: "commit-of-0.2.0",
    arches: ["x64", "arm64"],
    development: true,
    hosts: 0,
  });
  expect(releases[4]).toMatchObject({ hosts: 1, id: "" });
  await expect(create({ releaseId: releases[1]!.id, filter: "fleet=listed" })).rejects.toThrow(
    "WF_UPDATE_RELEASE_UNUSABLE",
  );
  sessions[0]!.close();
});

test("wave by wave: one host first; files only for who is told; each proven by its session; the fleet ends on the release", async () => {
  const { identities, sessions } = await fleet("waves", 3);
  const plan = await call<AgentUpdatePlan>("POST", "agentUpdates:plan", { releaseId: release, filter: "fleet=waves" });
  expect(plan.waves.map(({ name, hostsTotal }) => `${name}: ${hostsTotal}`)).toEqual([
    "one host: 1",
    "a tenth: 1",
    "the other hosts: 1",
  ]);
  await expect(fetchRelease(identities[0]!, "windflow-agent-linux-x64.zst")).rejects.toThrow("WF_RELEASE_NOT_DESIRED");
  const { id } = await create({ filter: "fleet=waves", reason: "the fix of 0.2" });
  const desired = await sessions[0]!.next("desiredAgent", PATIENCE_MS);
  expect(desired).toMatchObject({
    updateId: id,
    version: "0.2.0",
    releaseId: release,
    proveSeconds: 120,
    stableSeconds: 10,
    files: [
      { name: "windflow-agent-linux-x64.zst", sizeBytes: 100_000n },
      { name: "windflow-agent-linux-x64", sizeBytes: 200_000n },
    ],
  });
  expect(desired.signature).toHaveLength(64);
  const whole = await fetchRelease(identities[0]!, "windflow-agent-linux-x64.zst");
  expect(whole).toHaveLength(100_000);
  expect(await fetchRelease(identities[0]!, "windflow-agent-linux-x64.zst", 70_000n)).toEqual(whole.subarray(70_000));
  expect((await fetchRelease(identities[0]!, "release.json")).toString()).toContain('"0.2.0"');
  // Another architecture's, what is no agent, another release's, and a host that is not told yet.
  await expect(fetchRelease(identities[0]!, "windflow-agent-linux-arm64.zst")).rejects.toThrow(
    "WF_RELEASE_NOT_DESIRED",
  );
  await expect(fetchRelease(identities[0]!, "../SHA256SUMS")).rejects.toThrow("WF_RELEASE_NOT_DESIRED");
  await expect(fetchRelease(identities[0]!, "release.json", 0n, "0".repeat(64))).rejects.toThrow(
    "WF_RELEASE_NOT_DESIRED",
  );
  await expect(fetchRelease(identities[1]!, "release.json")).rejects.toThrow("WF_RELEASE_NOT_DESIRED");
  expect(await statesOf(id)).toEqual(["SENT", "PENDING", "PENDING"]);

  sessions[0]!.send(status(id, "STATE_DOWNLOADING", { bytesDone: 40_000n, bytesTotal: 100_000n }));
  await expect
    .poll(() => hostsOf(id), { timeout: PATIENCE_MS })
    .toMatchObject([
      { state: "STATE_DOWNLOADING", bytesDone: "40000", bytesTotal: "100000", fromVersion: "0.1.0" },
      {},
      {},
    ]);
  expect(await hosts.get(identities[0]!.hostId)).toMatchObject({
    agentUpdateVersion: "0.2.0",
    agentUpdateCause: "it fetches the release",
  });
  const listed = await call<{ hosts: Host[] }>(
    "GET",
    `hosts?filter=${encodeURIComponent("update=under-way fleet=waves")}`,
  );
  expect(listed.hosts).toHaveLength(3);
  // A session that begins anew is told again: nothing is lost with a link.
  sessions[0]!.close();
  const back = await hosts.session(identities[0]!, { build });
  const first = await becomes(identities[0]!, back);
  const second = await becomes(identities[1]!, sessions[1]!);
  const third = await becomes(identities[2]!, sessions[2]!);
  await expect
    .poll(() => updateOf(id), { timeout: PATIENCE_MS })
    .toMatchObject({
      state: "STATE_SUCCEEDED",
      summary: "3 updated to 0.2.0",
      hostsSucceeded: 3,
      waves: [{ state: "passed" }, { state: "passed" }, { state: "passed" }],
    });
  expect(await hosts.get(identities[0]!.hostId)).toMatchObject({ agentVersion: "0.2.0", agentUpdateVersion: "" });
  await expect(fetchRelease(identities[0]!, "release.json")).rejects.toThrow("WF_RELEASE_NOT_DESIRED");
  await expect(create({ filter: "fleet=waves" })).rejects.toThrow("3 run it already");
  const found = await call<{ hosts: Host[] }>("GET", `hosts?filter=${encodeURIComponent("agent=0.2.0 fleet=waves")}`);
  expect(found.hosts).toHaveLength(3);
  for (const session of [first, second, third]) session.close();
});

test("who cannot take it is said before it begins; an old agent is spoken to and left as it is", async () => {
  const old = await fleet("old", 1, { build: undefined });
  const contained = await fleet("contained", 1, { build: { ...build, cannotUpdate: "it runs as a container" } });
  const riscv = await fleet("riscv", 1, { build: { ...build, arch: "riscv64" } });
  const newer = await fleet("newer", 1, { agentVersion: "0.9.0", build });
  const hostIds = [old, contained, riscv, newer].flatMap((one) => one.identities.map(({ hostId }) => hostId));
  const plan = await call<AgentUpdatePlan>("POST", "agentUpdates:plan", { releaseId: release, hostIds });
  expect(plan.hostsRefused).toBe(4);
  expect(plan.refused.map(({ hostName, cause }) => `${hostName}: ${cause}`).toSorted()).toEqual([
    "contained-0: its agent cannot update itself: it runs as a container",
    "newer-0: it runs 0.9.0, which is newer: an older one takes a permit that the release key signed",
    "old-0: its agent 0.1.0 does not say that it can update itself: run the install line on it once",
    "riscv-0: the release has no agent for riscv64",
  ]);
  await expect(create({ hostIds })).rejects.toThrow("WF_UPDATE_NO_HOST");
  await expect(create({ hostIds, permit: "no permit" })).rejects.toThrow("WF_UPDATE_PERMIT_INVALID");
  const gate = { probes: [{ service: "web", tcp: { port: 80 } }] };
  await expect(create({ hostIds, strategy: { healthGate: gate } })).rejects.toThrow("WF_INVALID_ARGUMENT");
  await expect(create({ hostIds, strategy: { onFailure: "ON_FAILURE_ROLL_BACK" } })).rejects.toThrow(
    "WF_INVALID_ARGUMENT",
  );
  const { id } = await create({ hostIds, permit: "YWJj.ZGVm" });
  expect(Buffer.from((await newer.sessions[0]!.next("desiredAgent", PATIENCE_MS)).permit).toString()).toBe("abc");
  await call("POST", `agentUpdates/${id}:cancel`, { reason: "enough" });
  expect(await newer.sessions[0]!.next("desiredAgent", PATIENCE_MS)).toMatchObject({ updateId: "", files: [] });
  expect(await updateOf(id)).toMatchObject({ state: "STATE_CANCELLED" });
  for (const { sessions } of [old, contained, riscv, newer]) sessions[0]!.close();
});

test("one that goes back stops the update, is shown, and is tried again as another attempt", async () => {
  const { identities, sessions } = await fleet("reverts", 2);
  const { id } = await create({ filter: "fleet=reverts" });
  const { updateId } = await sessions[0]!.next("desiredAgent", PATIENCE_MS);
  sessions[0]!.send(status(updateId, "STATE_PROVING"));
  await expect.poll(() => statesOf(id), { timeout: PATIENCE_MS }).toEqual(["PROVING", "PENDING"]);
  sessions[0]!.close();
  // The old agent comes back; its Hello repeats what became of the update.
  const reverted = status(updateId, "STATE_REVERTED", {
    cause: "no session within 120 s",
    code: "WF_UPDATE_UNPROVEN",
  }).value;
  const old = await hosts.session(identities[0]!, { build, agentUpdate: reverted });
  await expect
    .poll(() => updateOf(id), { timeout: PATIENCE_MS })
    .toMatchObject({ state: "STATE_FAILED", hostsFailed: 1 });
  expect(await hostsOf(id)).toMatchObject([
    {
      state: "STATE_REVERTED",
      cause: "it went back to 0.1.0: WF_UPDATE_UNPROVEN: no session within 120 s",
      runningVersion: "0.1.0",
    },
    { state: "STATE_CANCELLED", cause: "not begun: 1 host failed" },
  ]);
  const failed = await call<{ hosts: Host[] }>(
    "GET",
    `hosts?filter=${encodeURIComponent("update=failed fleet=reverts")}`,
  );
  expect(failed.hosts.map((host) => host.name)).toEqual(["reverts-0"]);

  await call("POST", `agentUpdates/${id}:retry`, {});
  // The session that brought the news was still told of the first attempt: its agent knows what became of that.
  const next = async (): Promise<string> => (await old.next("desiredAgent", PATIENCE_MS)).updateId;
  expect([await next(), await next(), await next()]).toEqual([id, "", `${id}.1`]);
  // It does not remember: a session of the old agent that says nothing of the attempt that it had begun.
  old.send(status(`${id}.1`, "STATE_PROVING"));
  await expect.poll(() => statesOf(id), { timeout: PATIENCE_MS }).toEqual(["PROVING", "PENDING"]);
  old.close();
  const blank = await hosts.session(identities[0]!, { build });
  await expect
    .poll(() => hostsOf(id), { timeout: PATIENCE_MS })
    .toMatchObject([
      {
        state: "STATE_REVERTED",
        cause: expect.stringContaining("it came back with 0.1.0 and says nothing of the update"),
      },
      {},
    ]);
  blank.close();
  sessions[1]!.close();
});

test("a host that is told and says nothing is named after its time, and the old update gives way to a newer one", async () => {
  const { sessions } = await fleet("mute", 1);
  const { id } = await create({ filter: "fleet=mute" });
  await sessions[0]!.next("desiredAgent", PATIENCE_MS);
  // It goes on to speak, of something else: one that is silent altogether is waited for.
  for (let seconds = 0; seconds < 140; seconds += 20) {
    shiftMs += 20_000;
    sessions[0]!.send({ $case: "heartbeat", value: { agentTime: undefined, engineOk: true, engineProblem: "" } });
    await sessions[0]!.next("heartbeatReply", PATIENCE_MS);
  }
  await expect
    .poll(() => hostsOf(id), { timeout: PATIENCE_MS })
    .toMatchObject([{ state: "STATE_TIMED_OUT", cause: expect.stringContaining("said nothing within 2 minutes") }]);
  expect(await updateOf(id)).toMatchObject({ state: "STATE_FAILED" });
  const second = await create({ filter: "fleet=mute" });
  const third = await create({ filter: "fleet=mute" });
  expect(await updateOf(second.id)).toMatchObject({ state: "STATE_SUPERSEDED" });
  await expect(call("POST", `agentUpdates/${second.id}:retry`, {})).rejects.toThrow("WF_UPDATE_ENDED");
  await expect
    .poll(async () => (await sessions[0]!.next("desiredAgent", PATIENCE_MS)).updateId, { timeout: PATIENCE_MS })
    .toBe(third.id);
  sessions[0]!.close();
});

test("off line is waited for, and brought along on return; paused and approved by people", async () => {
  const { identities, sessions } = await fleet("away", 1);
  identities.push(await hosts.newHost("away-1", { labels: { fleet: "away" } }));
  const waves = [
    { name: "first", hosts: 1 },
    { name: "rest", percent: 100, needsApproval: true },
  ];
  const { id } = await create({ filter: "fleet=away", strategy: { waves } });
  const first = await becomes(identities[0]!, sessions[0]!);
  await expect
    .poll(() => updateOf(id), { timeout: PATIENCE_MS })
    .toMatchObject({
      state: "STATE_WAITING",
      waves: [{ state: "passed" }, { state: "awaiting-approval" }],
    });
  const made = await call<{ secret: string }>("POST", "apiTokens", {
    name: "beginner",
    permissions: ["updates.write"],
  });
  const wave = `/v1/organizations/${app.organizationId}/agentUpdates/${id}:approve`;
  const headers = { authorization: `Bearer ${made.secret}` };
  expect(await app.rest.call("POST", wave, { wave: 2 }, headers)).toMatchObject({
    status: 403,
    json: { code: "WF_PERMISSION_DENIED" },
  });
  await call("POST", `agentUpdates/${id}:approve`, { wave: 2 });
  await expect(call("POST", `agentUpdates/${id}:approve`, { wave: 2 })).rejects.toThrow("WF_UPDATE_WAVE_NOT_WAITING");
  await expect
    .poll(() => updateOf(id), { timeout: PATIENCE_MS })
    .toMatchObject({
      state: "STATE_WAITING",
      hostsNotReached: 1,
      hostsFailed: 0,
      cause: expect.stringContaining("1 host not reached"),
    });
  await call("POST", `agentUpdates/${id}:pause`, { reason: "lunch" });
  const back = await hosts.session(identities[1]!, { build });
  await expect.poll(() => hostsOf(id), { timeout: PATIENCE_MS }).toMatchObject([{}, { cause: "the update is paused" }]);
  await call("POST", `agentUpdates/${id}:resume`, {});
  const second = await becomes(identities[1]!, back);
  await expect.poll(() => updateOf(id), { timeout: PATIENCE_MS }).toMatchObject({ state: "STATE_SUCCEEDED" });
  const trail = await app.platform.database.asSystem(async (tx) => {
    const { rows } = await tx.queries.executeQuery<{ action: string }>(
      (await import("kysely")).sql`SELECT action FROM audit_entries WHERE detail ->> 'reason' = 'lunch'`.compile(
        tx.queries,
      ),
    );
    return rows.map((row) => row.action);
  });
  expect(trail).toEqual(["updates.pause"]);
  for (const session of [first, second]) session.close();
  const figures = await app.rest.call("GET", "/metrics");
  expect(figures.text).toMatch(/windflow_fleet_hosts_by_agent\{[^}]*version="0\.2\.0"[^}]*\} \d/);
});
