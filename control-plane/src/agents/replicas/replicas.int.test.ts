import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../platform/index.ts";
import { testHosts, type TestHosts } from "../../testing/hosts.ts";
import { startTestApp, startTestDatabase, type TestApp, type TestDatabase } from "../../testing/index.ts";
import { dial, openTestSession, type TestIdentity, type TestSession } from "../../testing/test-agent.ts";
import { createRemoteReplica } from "./remote.ts";

const log = createLog({ level: "silent" });
let database: TestDatabase;
let stateDirectory: string;
let near: TestApp;
let far: TestApp;
let hosts: TestHosts;
let host: TestIdentity;
let session: TestSession;

const start = (): Promise<TestApp> =>
  startTestApp({ database, stateDirectory, parts: { replicaAddress: (port) => `127.0.0.1:${port}` } });
beforeAll(async () => {
  database = await startTestDatabase(log);
  stateDirectory = await mkdtemp(join(tmpdir(), "windflow-keys-"));
  near = await start();
  far = await start();
  hosts = testHosts(near);
  host = await hosts.newHost("far-away");
  session = await openTestSession(far, host);
});
afterAll(async () => {
  session.close();
  await near.stop();
  await far.stop();
  await database.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

const logs = {
  $case: "logs",
  value: { containerId: "c1", follow: true, tail: 0, since: undefined, until: undefined },
} as const;

describe("a host that is connected to another control plane", () => {
  it("is asked there, and its answers and refusals come back", async () => {
    const gateway = near.app.agents.gateway;
    expect(gateway.isConnected(host.hostId)).toBe(false);
    const planning = gateway.requestPlan(host.hostId, { stackId: "stk_1", body: new Uint8Array([7]) });
    const request = await session.next("planRequest");
    expect(request).toMatchObject({ stackId: "stk_1", body: Buffer.from([7]) });
    const plan = { requestId: request.requestId, steps: [], text: "nothing to do", observedAt: undefined };
    session.send({ $case: "planReply", value: { ...plan, expectedDowntimeSeconds: {}, problem: "" } });
    expect(await planning).toMatchObject({ text: "nothing to do" });

    const acting = gateway.act(host.hostId, "restart", "c1");
    const action = await session.next("actionRequest");
    expect(action).toMatchObject({ action: 3, containerId: "c1" });
    session.send({ $case: "actionReply", value: { requestId: action.requestId, problem: "there is no container c1" } });
    await expect(acting).rejects.toThrow("WF_HOST_ACTION_FAILED: there is no container c1");
  });

  it("is asked there what tags stand for and whether a registry takes credentials", async () => {
    const { gateway } = near.app.agents;
    session.imageAnswer = () => ({ problem: "there is no such image", code: "WF_IMAGE_NOT_FOUND" });
    const query = { reference: "app:1", platform: "", askRegistry: true };
    const { images } = await gateway.resolveImages(host.hostId, { images: [query], sealed: new Uint8Array([1]) });
    expect(images).toMatchObject([{ reference: "app:1", code: "WF_IMAGE_NOT_FOUND" }]);
    expect(await session.next("resolveRequest")).toMatchObject({ images: [query], sealed: Buffer.from([1]) });

    const trying = gateway.signIn(host.hostId, { address: "r.example.com", sealed: new Uint8Array([2]) });
    const asked = await session.next("registryRequest");
    expect(asked).toMatchObject({ address: "r.example.com", sealed: Buffer.from([2]) });
    session.send({ $case: "registryReply", value: { requestId: asked.requestId, problem: "it refused them" } });
    expect(await trying).toMatchObject({ problem: "it refused them" });
  });

  it("is streamed with, both ways", async () => {
    const leave = new AbortController();
    const opening = near.app.agents.gateway.openStream(host.hostId, logs, leave.signal);
    const command = await session.next("openStream");
    expect(command.kind).toMatchObject({ $case: "logs", value: { containerId: "c1", follow: true } });
    const client = dial(far, host);
    const call = client.openStream();
    const down: string[] = [];
    call.on("data", (message: { kind?: { $case: string } }) => down.push(message.kind?.$case ?? ""));
    call.write({ kind: { $case: "ticket", value: command.ticket } });
    const stream = await opening;
    await stream.send({ $case: "credit", value: 3n });
    await expect.poll(() => down).toEqual(["credit"]);
    const entry = { at: undefined, stderr: false, text: "hello" };
    call.write({ kind: { $case: "logs", value: { entries: [entry], dropped: 0 } } });
    call.write({ kind: { $case: "end", value: { exitCode: 0, problem: "", code: "" } } });
    const seen: string[] = [];
    for await (const message of stream.messages) seen.push(message.$case);
    expect(seen).toEqual(["logs", "end"]);
    client.close();
  });

  it("hears at once when the reader at the other control plane leaves", async () => {
    const leave = new AbortController();
    const opening = near.app.agents.gateway.openStream(host.hostId, logs, leave.signal);
    const { ticket } = await session.next("openStream");
    const client = dial(far, host);
    const call = client.openStream();
    const closed = new Promise((resolve) => call.on("data", resolve));
    call.write({ kind: { $case: "ticket", value: ticket } });
    await opening;
    leave.abort();
    expect(await closed).toMatchObject({ kind: { $case: "close" } });
    client.close();
  });

  it("is revoked from here", async () => {
    const victim = await hosts.newHost("victim");
    const there = await openTestSession(far, victim);
    await hosts.act(victim.hostId, "revoke");
    expect(await there.next("goodbye")).toMatchObject({ code: "WF_HOST_REVOKED" });
  });

  it("that is connected to none is said to be so at once", async () => {
    const away = await hosts.newHost("away");
    await expect(near.app.agents.gateway.act(away.hostId, "stop", "c1")).rejects.toThrow("WF_HOST_NOT_CONNECTED");
  });
});

describe("the door between control planes", () => {
  it("is closed to hosts and to strangers", async () => {
    const asHost = createRemoteReplica(`127.0.0.1:${far.port}`, {
      rootsPem: far.ca,
      certificateChainPem: host.certificateChain,
      ...host,
    });
    const act = { $case: "actionRequest", value: { requestId: "", action: 2, containerId: "c1" } } as const;
    await expect(asHost.ask(host.hostId, act, { deadlineMs: 5000 })).rejects.toThrow("Only another control plane");
  });
});
