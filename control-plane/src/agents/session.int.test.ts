import { AgentFrame, AgentServiceService, ControlFrame, type SpoolEntry } from "@windflow/proto/agent";
import type { Event } from "@windflow/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;
const heartbeat = { $case: "heartbeat", value: { agentTime: undefined, engineOk: true, engineProblem: "" } } as const;

function entry(sequence: number): SpoolEntry {
  const message = `event ${sequence}`;
  const nothing = { containerId: "", containerName: "", stackId: "", service: "", attributes: {} };
  const value = { type: "container.start", message, severity: "info", ...nothing };
  return { sequence: BigInt(sequence), at: new Date(), kind: { $case: "event", value } };
}
function sendBatch(session: TestSession, spoolId: string, from: number, to: number): void {
  const entries = Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
  session.send({ $case: "spoolBatch", value: { spoolId, entries, dropped: 0n } });
}
async function storedEvents(hostId: string): Promise<number[]> {
  const { json } = await app.rest.call("GET", path(`events?hostId=${hostId}&page.size=500`));
  const { events } = json as { events: Event[] };
  return events
    .flatMap((event) => (event.type === "container.start" ? [Number(event.message.replace("event ", ""))] : []))
    .toSorted((a, b) => a - b);
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("a session", () => {
  it("replaces the one before it, by a larger epoch", async () => {
    const host = await hosts.newHost("fenced");
    const older = await hosts.session(host);
    const newer = await hosts.session(host);
    expect(newer.welcome.epoch).toBe(older.welcome.epoch + 1n);
    expect(await older.next("goodbye")).toMatchObject({ code: "WF_SESSION_SUPERSEDED", doNotReturn: false });
    expect(await older.ended()).toBeUndefined();
    newer.send(heartbeat);
    await newer.next("heartbeatReply");
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    newer.close();
  });

  it("of many that open at once, leaves exactly one: that of the largest epoch", async () => {
    const host = await hosts.newHost("storm");
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => hosts.session(host)));
    const sessions = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const last = sessions.reduce((left, right) => (left.welcome.epoch > right.welcome.epoch ? left : right));
    await Promise.all(sessions.filter((one) => one !== last).map((one) => one.ended()));
    last.send(heartbeat);
    await last.next("heartbeatReply");
    expect(app.app.agents.gateway.isConnected(host.hostId)).toBe(true);
    last.close();
  });

  it("that never says hello takes a place, and not for ever", async () => {
    const host = await hosts.newHost("mute");
    const client = dial(app, host);
    const failures: string[] = [];
    const mute = Array.from({ length: 17 }, () => client.connect());
    for (const call of mute)
      call.on("data", () => undefined).on("error", (error: Error) => failures.push(error.message));
    await expect.poll(() => failures.length).toBe(1);
    expect(failures[0]).toContain("WF_HOST_BUSY");
    for (const call of mute) call.cancel();
    client.close();
    await expect.poll(async () => (await hosts.session(host)).welcome.epoch).toBeGreaterThan(0n);
  });

  it("goes on after frames that cannot be read or are not known", async () => {
    const host = await hosts.newHost("garbled");
    const session = await hosts.session(host);
    const unknown = session.call as unknown as { write(frame: unknown): void };
    unknown.write({ id: 7n, ack: 0n, kind: undefined });
    expect(await session.next("error")).toMatchObject({ frameId: 7n, code: "WF_FRAME_UNEXPECTED" });
    session.send({ $case: "spoolBatch", value: { spoolId: "", entries: [], dropped: 0n } });
    expect(await session.next("error")).toMatchObject({ code: "WF_FRAME_INVALID" });
    session.send(heartbeat);
    await session.next("heartbeatReply");
    session.close();
  });

  it("answers bytes that are no frame with an error frame", async () => {
    const host = await hosts.newHost("bytes");
    const client = dial(app, host);
    const { connect } = AgentServiceService;
    const call = client.makeBidiStreamRequest<Buffer, ControlFrame>(
      connect.path,
      (bytes) => bytes,
      (bytes) => ControlFrame.decode(bytes),
    );
    const seen: string[] = [];
    const done = new Promise<void>((resolve) => {
      call.on("data", (frame: ControlFrame) => {
        seen.push(frame.kind?.$case === "error" ? frame.kind.value.code : (frame.kind?.$case ?? ""));
        if (seen.length === 3) resolve();
      });
    });
    call.on("error", () => undefined);
    call.write(Buffer.from([0x1a, 0xff, 0xff]));
    call.write(Buffer.from(AgentFrame.encode({ id: 1n, ack: 0n, kind: heartbeat }).finish()));
    await done;
    expect(seen).toEqual(["challenge", "WF_FRAME_UNREADABLE", "WF_FRAME_UNEXPECTED"]);
    call.cancel();
    client.close();
  });

  it("ends with a larger frame than is allowed, and the next session is taken", async () => {
    const host = await hosts.newHost("large");
    const session = await hosts.session(host);
    const step = "x".repeat(9_000_000);
    const nothing = { stackId: "", revision: 0, service: "", phase: "", problem: "", pull: undefined };
    session.send({ $case: "progress", value: { step, ...nothing } });
    expect(String(await session.ended())).toMatch(/RESOURCE_EXHAUSTED|larger/);
    const again = await hosts.session(host);
    again.close();
  });

  it("tells watchers when a host appears and leaves", async () => {
    const stream = await app.rest.open("GET", path("events:watch?kinds=host"));
    const seen: string[] = [];
    let text = "";
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      for (const [, id] of text.matchAll(/"kind":"host","id":"([^"]+)"/g)) seen.push(id ?? "");
    });
    const host = await hosts.newHost("watched");
    const session = await hosts.session(host);
    await expect.poll(() => seen).toContain(host.hostId);
    session.close();
    stream.destroy();
  });
});

describe("the spool", () => {
  it("is stored once, whatever is sent again after the link broke", async () => {
    const host = await hosts.newHost("spooling");
    const first = await hosts.session(host, { spoolId: "spool-a" });
    sendBatch(first, "spool-a", 1, 10);
    expect(await first.next("spoolAck")).toEqual({ spoolId: "spool-a", sequence: 10n });
    sendBatch(first, "spool-a", 11, 20);
    sendBatch(first, "spool-a", 21, 30);
    first.close();

    const second = await hosts.session(host, { spoolId: "spool-a" });
    const acknowledged = Number(second.welcome.spoolAcked);
    expect([10, 20, 30]).toContain(acknowledged);
    // From before what is acknowledged, twice over, as an agent that was killed may do.
    sendBatch(second, "spool-a", 5, 30);
    sendBatch(second, "spool-a", 25, 40);
    sendBatch(second, "spool-a", 1, 40);
    for (const expected of [30n, 40n, 40n]) expect(await second.next("spoolAck")).toMatchObject({ sequence: expected });
    expect(await storedEvents(host.hostId)).toEqual(upTo(40));
    second.close();
  });

  it("of another file begins at 1 again", async () => {
    const host = await hosts.newHost("respooled");
    const session = await hosts.session(host, { spoolId: "spool-a" });
    sendBatch(session, "spool-a", 1, 3);
    await session.next("spoolAck");
    sendBatch(session, "spool-b", 1, 2);
    expect(await session.next("spoolAck")).toEqual({ spoolId: "spool-b", sequence: 2n });
    expect(await storedEvents(host.hostId)).toEqual([1, 1, 2, 2, 3]);
    const welcome = async (spoolId: string): Promise<bigint> => {
      const again = await hosts.session(host, { spoolId });
      again.close();
      return again.welcome.spoolAcked;
    };
    expect([await welcome("spool-a"), await welcome("spool-b"), await welcome("spool-c")]).toEqual([3n, 2n, 0n]);
    session.close();
  });

  it("is kept whole over many broken links", async () => {
    const host = await hosts.newHost("flapping");
    let next = 1;
    for (let round = 0; round < 10; round++) {
      const session = await hosts.session(host);
      next = Number(session.welcome.spoolAcked) + 1;
      sendBatch(session, "spool-1", next, next + 4);
      sendBatch(session, "spool-1", next + 5, next + 9);
      if (round % 2 === 0) await session.next("spoolAck");
      session.close();
    }
    const last = await hosts.session(host);
    const acknowledged = Number(last.welcome.spoolAcked);
    expect(acknowledged).toBeGreaterThanOrEqual(25);
    const stored = await storedEvents(host.hostId);
    // A batch of the link before may have waited for others when the last session began.
    expect(stored.length).toBeGreaterThanOrEqual(acknowledged);
    expect(stored).toEqual(upTo(stored.length));
    last.close();
  });
});

describe("a host that waits for approval", () => {
  it("has a session and gets nothing to run until it is let in", async () => {
    const host: TestIdentity = await hosts.newHost("waiting", { maxUses: 5 });
    const session = await hosts.session(host);
    expect(session.welcome).toMatchObject({ awaitingApproval: true, generation: undefined });
    const client = dial(app, host);
    const fetched = new Promise((_resolve, reject) => {
      client
        .fetchBody({ digest: "sha256:00", offset: 0n })
        .on("error", reject)
        .on("data", () => undefined);
    });
    await expect(fetched).rejects.toThrow("WF_HOST_AWAITING_APPROVAL");
    expect(await hosts.act(host.hostId, "approve")).toMatchObject({ awaitingApproval: false });
    expect(await session.next("desiredState")).toMatchObject({ stacks: [] });
    client.close();
    session.close();
  });
});
