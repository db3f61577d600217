import type { StreamUp } from "@windflow/proto/agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";
import type { AgentGateway } from "./gateway.ts";
import type { HostStream } from "./streams.ts";

let app: TestApp;
let hosts: TestHosts;
let gateway: AgentGateway;
let host: TestIdentity;
let session: TestSession;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  gateway = app.app.agents.gateway;
  host = await hosts.newHost("asked");
  session = await hosts.session(host);
});
afterAll(async () => {
  session.close();
  await app.stop();
});

const logs = {
  $case: "logs",
  value: { containerId: "c1", follow: true, tail: 0, since: undefined, until: undefined },
} as const;

/** The agent's half of a stream: takes the command, opens the rpc with its ticket. */
async function answerStream(from: TestSession, identity: TestIdentity, ticket?: string) {
  const command = await from.next("openStream");
  const client = dial(app, identity);
  const call = client.openStream();
  const down: string[] = [];
  call.on("data", (message: { kind?: { $case: string } }) => down.push(message.kind?.$case ?? ""));
  const failed = new Promise<string>((resolve) => call.on("error", (error: Error) => resolve(error.message)));
  const over = new Promise((resolve) => call.on("status", resolve));
  call.write({ kind: { $case: "ticket", value: ticket ?? command.ticket } });
  const send = (kind: StreamUp["kind"]): void => void call.write({ kind });
  const close = (): void => {
    call.cancel();
    client.close();
  };
  return { command, call, down, failed, over, send, close };
}

async function opened(): Promise<{
  stream: HostStream;
  agent: Awaited<ReturnType<typeof answerStream>>;
  leave: AbortController;
}> {
  const leave = new AbortController();
  const [stream, agent] = await Promise.all([
    gateway.openStream(host.hostId, logs, leave.signal),
    answerStream(session, host),
  ]);
  return { stream, agent, leave };
}

describe("asking a host", () => {
  it("fails at once when the host is not connected", async () => {
    const away = await hosts.newHost("away");
    await expect(gateway.requestPlan(away.hostId, { stackId: "stk_1" })).rejects.toThrow("WF_HOST_NOT_CONNECTED");
    await expect(gateway.act(away.hostId, "stop", "c1")).rejects.toThrow("WF_HOST_NOT_CONNECTED");
    await expect(gateway.openStream(away.hostId, logs, new AbortController().signal)).rejects.toThrow(
      "WF_HOST_NOT_CONNECTED",
    );
    gateway.pushDesiredState(away.hostId);
    expect(gateway.isConnected(away.hostId)).toBe(false);
  });

  it("gets a plan, and the host's own sentence when an action failed", async () => {
    const planning = gateway.requestPlan(host.hostId, { stackId: "stk_1", body: new Uint8Array([1]) });
    const request = await session.next("planRequest");
    expect(request).toMatchObject({ stackId: "stk_1", body: Buffer.from([1]) });
    const plan = { requestId: request.requestId, steps: [], text: "nothing to do", observedAt: undefined };
    session.send({ $case: "planReply", value: { ...plan, expectedDowntimeSeconds: {}, problem: "" } });
    expect(await planning).toMatchObject({ text: "nothing to do" });

    const acting = gateway.act(host.hostId, "stop", "c1");
    const action = await session.next("actionRequest");
    session.send({ $case: "actionReply", value: { requestId: action.requestId, problem: "there is no container c1" } });
    await expect(acting).rejects.toThrow("there is no container c1");
  });

  it("ends with the link", async () => {
    const brief = await hosts.newHost("brief");
    const own = await hosts.session(brief);
    const planning = gateway.requestPlan(brief.hostId, { stackId: "stk_1" });
    await own.next("planRequest");
    own.close();
    await expect(planning).rejects.toThrow("WF_HOST_DISCONNECTED");
    expect(gateway.isConnected(brief.hostId)).toBe(false);
  });

  it("that takes nothing any more ends its session and disturbs no other, and may come back", async () => {
    const deaf = await hosts.newHost("deaf");
    const own = await hosts.session(deaf);
    own.call.pause();
    const body = new Uint8Array(2_000_000);
    const asked = Array.from({ length: 20 }, () => gateway.requestPlan(deaf.hostId, { stackId: "stk_1", body }));
    const refused = Promise.allSettled(asked);
    const planning = gateway.requestPlan(host.hostId, { stackId: "stk_2" });
    const request = await session.next("planRequest");
    const plan = { requestId: request.requestId, steps: [], text: "still here", observedAt: undefined };
    session.send({ $case: "planReply", value: { ...plan, expectedDowntimeSeconds: {}, problem: "" } });
    expect(await planning).toMatchObject({ text: "still here" });
    const reasons = (await refused).map((one) => (one.status === "rejected" ? String(one.reason) : "answered"));
    expect(reasons.every((reason) => /WF_HOST_(DISCONNECTED|BUSY|NOT_CONNECTED)/.test(reason))).toBe(true);
    expect(gateway.isConnected(deaf.hostId)).toBe(false);
    await expect(gateway.openStream(deaf.hostId, logs, new AbortController().signal)).rejects.toThrow("NOT_CONNECTED");
    const again = await hosts.session(deaf);
    expect(gateway.isConnected(deaf.hostId)).toBe(true);
    again.close();
    own.close();
  });

  it("ships faster while somebody looks", async () => {
    const release = gateway.holdLive(host.hostId);
    expect(await session.next("intervals")).toMatchObject({ live: true });
    release();
    expect(await session.next("intervals")).toMatchObject({ live: false });
  });
});

describe("a stream with a host", () => {
  it("carries both ways and ends with the host's end", async () => {
    const { stream, agent } = await opened();
    expect(agent.command.kind).toMatchObject({ $case: "logs", value: { containerId: "c1" } });
    const entry = { at: undefined, stderr: false, text: "hello" };
    agent.send({ $case: "logs", value: { entries: [entry], dropped: 0 } });
    agent.send({ $case: "end", value: { exitCode: 0, problem: "", code: "" } });
    const seen: string[] = [];
    await stream.send({ $case: "credit", value: 5n });
    for await (const message of stream.messages) seen.push(message.$case);
    expect(seen).toEqual(["logs", "end"]);
    await expect.poll(() => agent.down).toEqual(["credit"]);
    // The rpc itself is over too: it would take one of the connection's streams for ever.
    await agent.over;
    agent.close();
  });

  it("tells the host when the reader leaves", async () => {
    const { agent, leave } = await opened();
    leave.abort();
    await expect.poll(() => agent.down).toEqual(["close"]);
    agent.close();
  });

  it("tells the reader when the link breaks", async () => {
    const { stream, agent } = await opened();
    agent.close();
    const reading = (async () => {
      for await (const message of stream.messages) expect(message).toBeUndefined();
    })();
    await expect(reading).rejects.toThrow("WF_HOST_DISCONNECTED");
    await expect(stream.send({ $case: "credit", value: 1n })).rejects.toThrow("WF_HOST_DISCONNECTED");
  });

  it("takes a ticket once, from the host that was asked", async () => {
    const other = await hosts.newHost("thief");
    const leave = new AbortController();
    const opening = gateway.openStream(host.hostId, logs, leave.signal);
    const { ticket } = await session.next("openStream");
    const client = dial(app, other);
    const call = client.openStream();
    const failed = new Promise<string>((resolve) => call.on("error", (error: Error) => resolve(error.message)));
    call.on("data", () => undefined);
    call.write({ kind: { $case: "ticket", value: ticket } });
    expect(await failed).toContain("WF_STREAM_TICKET_INVALID");
    client.close();
    leave.abort(new Error("left"));
    await expect(opening).rejects.toThrow("left");
  });

  it("is one of a limited number", async () => {
    const leave = new AbortController();
    const many = Array.from({ length: 32 }, () => gateway.openStream(host.hostId, logs, leave.signal));
    await expect(gateway.openStream(host.hostId, logs, leave.signal)).rejects.toThrow("WF_STREAMS_EXHAUSTED");
    for (let count = 0; count < many.length; count++) await session.next("openStream");
    leave.abort(new Error("left"));
    expect((await Promise.allSettled(many)).every((one) => one.status === "rejected")).toBe(true);
    const { agent, leave: done } = await opened();
    done.abort();
    agent.close();
  });
});
