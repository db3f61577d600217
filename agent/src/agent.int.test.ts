import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { sha256Hex, unpackSamples } from "@windflow/core";
import { type HostEvent, SpoolEntry } from "@windflow/proto/agent";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type RunningAgent, enrollAgent, readConfig, startAgent, systemClock } from "./index.ts";
import { openSpool } from "./spool/spool.ts";
import { type TestControlPlane, type TestSession, startTestControlPlane } from "./testing/control-plane.ts";
import { createTestAuthority } from "./testing/certificate-authority.ts";
import { startSlowLink } from "./testing/slow-link.ts";
import { absentEngine } from "./testing/quiet-engine.ts";
import { wantedStack } from "./testing/stack-body.ts";

let plane: TestControlPlane;
let stateDir: string;
let agent: RunningAgent | undefined;

beforeEach(async () => {
  plane = await startTestControlPlane();
  stateDir = mkdtempSync(join(tmpdir(), "windflow-agent-"));
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await plane.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const config = (): ReturnType<typeof readConfig> =>
  readConfig({ stateDir, dockerHost: "unix:///nonexistent.sock", name: "edge-1" });
const enroll = (over: { server?: string; token?: string; caSha256?: string } = {}): ReturnType<typeof enrollAgent> =>
  enrollAgent(config(), { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root), ...over });
const start = (): RunningAgent =>
  (agent = startAgent(config(), { log: () => undefined, engine: absentEngine(), random: () => 0.05 }));
const session = async (n: number): Promise<TestSession> => {
  await vi.waitFor(() => expect(plane.sessions.length).toBeGreaterThanOrEqual(n), { timeout: 10_000 });
  return plane.sessions[n - 1]!;
};

function noise(): HostEvent {
  return {
    type: "x",
    containerId: "",
    containerName: "",
    stackId: "",
    service: "",
    message: randomBytes(600).toString("latin1"),
    severity: "info",
    attributes: {},
  };
}

describe("enrolment", () => {
  test("a token and the pinned hash of the authority make a host known, and it greets with a signature of its key", async () => {
    const { identity } = await enroll();
    expect(identity).toMatchObject({ hostId: "hst_1", hostName: "edge-1", server: plane.url });
    start();
    const first = await session(1);
    expect(first.helloIsValid).toBe(true);
    expect(first.hello).toMatchObject({ protocolVersion: 1, host: { hostname: "edge-1", hostShellAllowed: false } });
    expect(first.hello.sealingKey).toHaveLength(32);
    await vi.waitFor(() => expect(agent?.state).toBe("ready"));
  });

  test("a wrong hash, another control plane's authority, a wrong token are refused with what to do", async () => {
    await expect(enroll({ caSha256: "0".repeat(64) })).rejects.toMatchObject({ code: "WF_CA_MISMATCH" });
    await expect(enroll({ token: "stolen" })).rejects.toMatchObject({
      code: "WF_ENROLL_REFUSED",
      message: expect.stringContaining("the token is not known"),
    });
    await expect(enroll({ server: "https://127.0.0.1:1" })).rejects.toMatchObject({ code: "WF_SERVER_UNREACHABLE" });
    expect(() => startAgent(config(), { log: () => undefined })).toThrow(/not enrolled/);
  });

  test("repeating it with the same token uses the same keys", async () => {
    await enroll();
    await enroll();
    expect(Buffer.from(plane.enrollments[0]!.sealingKey)).toEqual(Buffer.from(plane.enrollments[1]!.sealingKey));
  });

  test("an expired certificate is renewed before the session, and the session works", async () => {
    const ago = (days: number): Date => new Date(Date.now() - days * 86_400_000);
    plane.behaviour.certificateValidity = { from: ago(40), until: ago(10) };
    await enroll();
    start();
    expect((await session(1)).helloIsValid).toBe(true);
    expect(plane.renewals).toBe(1);
  });

  test("a certificate past its half life is renewed over the session", async () => {
    const day = 86_400_000;
    plane.behaviour.certificateValidity = {
      from: new Date(Date.now() - 20 * day),
      until: new Date(Date.now() + 10 * day),
    };
    await enroll();
    start();
    await vi.waitFor(() => expect(plane.renewals).toBe(1));
    expect(plane.sessions[0]?.isOpen).toBe(true);
  });
});

test("on a link of 100 kbit/s a backlog of a megabyte goes up without holding heartbeats back", async () => {
  const slow = await startSlowLink(Number(new URL(plane.url).port), 12_500);
  await enroll({ server: `https://127.0.0.1:${slow.port}` });
  const spool = openSpool({
    folder: join(stateDir, "spool"),
    maxBytes: 64e6,
    segmentBytes: 1e6,
    newId: () => randomUUID(),
    clock: systemClock,
    log: () => undefined,
  });
  for (let i = 0; i < 1_000; i++)
    spool.append(
      SpoolEntry.encode({ sequence: 0n, at: new Date(), kind: { $case: "event", value: noise() } }).finish(),
    );
  await spool.close();
  start();
  const open = await session(1);
  // Three of them without an answer end a session, and at one a second a machine that does much else may be as long.
  open.send({
    $case: "intervals",
    value: { heartbeatMs: 2_000, hostSampleShipMs: 0, containerSampleShipMs: 0, live: false },
  });
  const arrivals: number[] = [];
  const until = performance.now() + 15_000;
  for (let seen = 0; performance.now() < until; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const beats = open.received.filter((kind) => kind.$case === "heartbeat").length;
    if (beats > seen) arrivals.push(performance.now());
    seen = beats;
  }
  expect(plane.sessions).toHaveLength(1);
  expect([...plane.spools.values()].flat().length).toBeGreaterThan(50);
  expect(Math.max(...arrivals.slice(1).map((at, i) => at - (arrivals[i] ?? at)))).toBeLessThan(11_000);
  slow.close();
});

describe("the session", () => {
  beforeEach(async () => void (await enroll()));

  test("comes back after a broken link and after a restart of the control plane, and says goodbye when stopped", async () => {
    start();
    (await session(1)).cut();
    const second = await session(2);
    expect(second.epoch).toBe(2n);
    await agent?.stop();
    expect(agent?.state).toBe("stopped");
    await vi.waitFor(() =>
      expect(second.received.at(-1)).toMatchObject({ $case: "goodbye", value: { code: "WF_AGENT_STOPPING" } }),
    );
    agent = undefined;
  });

  test("a frame that cannot be handled is answered with an error and closes nothing", async () => {
    start();
    const open = await session(1);
    open.send({
      $case: "desiredState",
      value: {
        generation: { term: 1n, n: 1n },
        stacks: [wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: "nonsense" })],
      },
    });
    await vi.waitFor(() =>
      expect(open.received).toContainEqual(
        expect.objectContaining({
          $case: "desiredStateReply",
          value: expect.objectContaining({ code: "WF_BODY_INVALID" }),
        }),
      ),
    );
    open.send({
      $case: "planRequest",
      value: { requestId: "r1", body: Buffer.from("garbage"), stackId: "", adoptedContainerIds: [] },
    });
    await vi.waitFor(() =>
      expect(open.received.find((kind) => kind.$case === "planReply")).toMatchObject({
        value: { requestId: "r1", problem: expect.stringMatching(/decoded|read/) },
      }),
    );
    open.send({ $case: "actionRequest", value: { requestId: "r2", action: 9 as never, containerId: "c" } });
    await vi.waitFor(() =>
      expect(open.received.find((kind) => kind.$case === "actionReply")).toMatchObject({
        value: { requestId: "r2", problem: expect.stringContaining("does not know") },
      }),
    );
    expect(open.isOpen).toBe(true);
  });

  test("heartbeats tell that the engine is away; events and samples arrive once each, also over a cut link", async () => {
    start();
    const first = await session(1);
    await vi.waitFor(() => expect(first.received.find((kind) => kind.$case === "heartbeat")).toBeDefined());
    first.send({
      $case: "intervals",
      value: { heartbeatMs: 1_000, hostSampleShipMs: 0, containerSampleShipMs: 0, live: true },
    });
    await vi.waitFor(() => expect([...plane.spools.values()].flat().length).toBeGreaterThan(2), { timeout: 8_000 });
    first.cut();
    await session(2);
    await vi.waitFor(() => expect([...plane.spools.values()].flat().length).toBeGreaterThan(4), { timeout: 8_000 });
    const stored = [...plane.spools.values()].flat();
    expect(stored.map((entry) => entry.sequence)).toEqual(stored.map((_, i) => BigInt(i + 1)));
    expect(stored[0]?.kind).toMatchObject({ $case: "event", value: { type: "agent.started" } });
    const samples = stored.flatMap((entry) => (entry.kind?.$case === "samples" ? [entry.kind.value] : []));
    expect(unpackSamples(samples.at(-1)!).map((column) => column.name)).toContain("cpu_used_ratio");
  });

  test("what was sent and not acknowledged is sent again after the link broke, and stored once", async () => {
    plane.behaviour.acknowledgeSpool = false;
    start();
    const first = await session(1);
    await vi.waitFor(() => expect(first.received.some((kind) => kind.$case === "spoolBatch")).toBe(true), {
      timeout: 8_000,
    });
    plane.behaviour.acknowledgeSpool = true;
    first.cut();
    const second = await session(2);
    await vi.waitFor(() => expect([...plane.spools.values()].flat().length).toBeGreaterThan(0), { timeout: 8_000 });
    const batches = [first, second].map((one) =>
      one.received.flatMap((kind) => (kind.$case === "spoolBatch" ? kind.value.entries : [])),
    );
    expect(batches[1]?.[0]?.sequence).toBe(batches[0]?.[0]?.sequence);
  });

  test("a control plane that has more than this disk is given a new spool, not numbers that it knows", async () => {
    plane.behaviour.welcome = { spoolAcked: 1_000_000n };
    start();
    const first = await session(1);
    await vi.waitFor(
      () =>
        expect(
          first.received.some((kind) => kind.$case === "spoolBatch" && kind.value.spoolId !== first.hello.spoolId),
        ).toBe(true),
      { timeout: 8_000 },
    );
  });

  test("new roots are kept, and the next connection trusts a server of the new authority only because of them", async () => {
    const next = await createTestAuthority();
    plane.behaviour.welcome = { trustedRoots: `${plane.authority.root}\n${next.root}\n` };
    start();
    await session(1);
    await vi.waitFor(() =>
      expect(readFileSync(join(stateDir, "identity.json"), "utf8").match(/BEGIN CERTIFICATE/g)).toHaveLength(3),
    );
    const port = Number(new URL(plane.url).port);
    await plane.stop();
    plane = await startTestControlPlane({ port, authority: next });
    await session(1);
  });

  test("a host that is not known asks again slowly, and is back when it is known again", async () => {
    plane.behaviour.refuse = status.UNAUTHENTICATED;
    const delays: number[] = [];
    agent = startAgent(config(), {
      engine: absentEngine(),
      random: () => 0,
      log: (_, message, fields) => message.startsWith("The session ended") && delays.push(Number(fields?.delayMs)),
    });
    await vi.waitFor(() => expect(delays[0]).toBe(60_000));
  });
});
