import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HardLink, startHardLink } from "@windflow/e2e/testbed";
import { sha256Hex } from "@windflow/core";
import type { LinkSettings } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RunningAgent, enrollAgent, readConfig, startAgent, systemClock } from "../index.ts";
import { openContentStore } from "../files/index.ts";
import {
  type Channel,
  createTlsCredentials,
  fetchBody,
  fetchFile,
  fetchSecrets,
  openChannel,
} from "../session/channel.ts";
import { parseServerAddress } from "../session/server-address.ts";
import { openBodyPieces } from "../state/body-pieces.ts";
import {
  type AgentKind,
  type TestControlPlane,
  type TestSession,
  startTestControlPlane,
} from "../testing/control-plane.ts";
import { createFastClock } from "../testing/fast-clock.ts";
import { absentEngine } from "../testing/quiet-engine.ts";
import { type Shaper, createShaper } from "./index.ts";

// The least that a person may give it.
const LEAST_CONTROL = 1_000;

let plane: TestControlPlane;
let folder: string;
let agent: RunningAgent | undefined;
let open: Channel[] = [];

beforeEach(async () => {
  plane = await startTestControlPlane();
  folder = mkdtempSync(join(tmpdir(), "windflow-link-"));
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  for (const channel of open.splice(0)) channel.close();
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

const digestOf = (content: Uint8Array): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;
function put(bytes: number): { digest: string; content: Buffer } {
  const content = randomBytes(bytes);
  const digest = digestOf(content);
  plane.files.set(digest, content);
  plane.bodies.set(digest, content);
  return { digest, content };
}
function dial(shaper: Shaper, url = plane.url): Channel["client"] {
  const address = parseServerAddress(url);
  const now = (): number => Date.now();
  const credentials = createTlsCredentials({
    host: address.host,
    roots: plane.authority.root,
    timeFloor: () => 0,
    now,
  });
  const channel = openChannel(address, credentials, { shaper });
  open = [...open, channel];
  return channel.client;
}
async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

test("layers take no more than their limit, control goes past them, and all of it is counted", async () => {
  const limit = 50_000;
  const shaper = createShaper(systemClock);
  shaper.setLimits(new Map([["layers", limit]]));
  const client = dial(shaper);
  const { digest, content } = put(250_000);
  const begun = performance.now();
  const fetched = bytesOf(fetchFile(client, { digest, offset: 0 }));
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    const asked = performance.now();
    await fetchSecrets(client, { stackId: "s", revision: 1 });
    waits.push(performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect((await fetched).equals(content)).toBe(true);
  const seconds = (performance.now() - begun) / 1_000;
  // A second's worth may go at once.
  expect(seconds).toBeGreaterThan(content.length / limit - 1.5);
  // Most of them: behind what was asked for of the layer each would take seconds.
  expect(waits.toSorted((a, b) => a - b)[2]).toBeLessThan(1_500);
  const used = new Map(shaper.usage().map((one) => [one.class, one]));
  expect(Number(used.get("layers")?.bytesReceived)).toBeGreaterThan(content.length);
  expect(Number(used.get("layers")?.bytesReceived)).toBeLessThan(content.length * 1.02);
  expect(Number(used.get("control")?.bytesSent)).toBeGreaterThan(0);
  expect(used.get("logs")?.bytesReceived).toBe(0n);
});

test("a class that is stopped asks for nothing, goes on when its hours end, and can be given up", async () => {
  const shaper = createShaper(systemClock);
  shaper.setLimits(new Map([["layers", 0]]));
  const client = dial(shaper);
  const { digest, content } = put(50_000);
  const over = new AbortController();
  const givenUp = bytesOf(fetchFile(client, { digest, offset: 0 }, over.signal));
  const fetched = bytesOf(fetchFile(client, { digest, offset: 0 }));
  await fetchSecrets(client, { stackId: "s", revision: 1 });
  expect(plane.fileOffsets).toEqual([]);
  over.abort();
  await expect(givenUp).rejects.toThrow(/cancelled/i);
  shaper.setLimits(new Map());
  expect((await fetched).equals(content)).toBe(true);
});

/** Fetches again and again over a link that is cut each time it has carried some random number of bytes, until it has all. */
async function overCuts(attempt: (client: Channel["client"]) => Promise<unknown>): Promise<number> {
  const target = { host: "127.0.0.1", port: Number(new URL(plane.url).port) };
  // What has arrived in the very moment of a cut is lost with the connection, so not all of it may come in one moment.
  const link: HardLink = await startHardLink({ target, bytesPerSecond: 1_500_000 });
  try {
    for (let cuts = 0; ; cuts++) {
      const most = link.bytes.down + 8_000 + Math.random() * 120_000;
      const knife = setInterval(() => link.bytes.down > most && link.cut(), 1);
      const client = dial(createShaper(systemClock), `https://127.0.0.1:${link.port}`);
      try {
        await attempt(client);
        return cuts;
      } catch (error) {
        if (!/UNAVAILABLE|INTERNAL|CANCELLED|ended after/.test(String(error))) throw error;
      } finally {
        clearInterval(knife);
      }
    }
  } finally {
    link.close();
  }
}
/** Each call begins where the one before had come to, and never before that. */
function expectProgress(offsets: readonly number[]): void {
  expect(offsets.every((offset, i) => offset >= (offsets[i - 1] ?? 0))).toBe(true);
  expect(offsets.at(-1)).toBeGreaterThan(0);
}

test("bodies, files and layers arrive whole over a link that is cut at random, and none begins from the start again", async () => {
  const pieces = openBodyPieces(join(folder, "pieces"));
  const body = put(300_000);
  const received: Uint8Array[] = [];
  await overCuts(async (client) => {
    received.push(await pieces.fetch(body.digest, (offset) => fetchBody(client, { digest: body.digest, offset })));
  });
  expect(received.map(digestOf)).toEqual([body.digest]);
  expectProgress(plane.bodyOffsets);

  // Files of stacks, and the layers of images, which are the same call and the same store.
  const layer = put(700_000);
  const wanted = { digest: layer.digest, sizeBytes: layer.content.length };
  await overCuts((client) =>
    // A store of its own each time, as after a restart of the agent.
    openContentStore(folder).fetch(wanted, (digest, offset) => fetchFile(client, { digest, offset })),
  );
  expect(digestOf(await readFile(openContentStore(folder).pathOf(layer.digest)))).toBe(layer.digest);
  expectProgress(plane.fileOffsets);
});

test("a piece of a body that a power cut spoiled, and a control plane that knows no offset, cost one more fetch and no wrong byte", async () => {
  const { digest, content } = put(20_000);
  const place = join(folder, "pieces");
  const broken = openBodyPieces(place).fetch(digest, async function* () {
    yield content.subarray(0, 9_000);
    throw new Error("the link broke");
  });
  await expect(broken).rejects.toThrow("the link broke");
  const asked: number[] = [];
  const whole = await openBodyPieces(place).fetch(digest, async function* (offset) {
    asked.push(offset);
    yield content;
  });
  expect([asked, digestOf(whole)]).toEqual([[9_000, 0], digest]);
  writeFileSync(join(place, digest.slice("sha256:".length)), Buffer.alloc(500));
  const mended = await openBodyPieces(place).fetch(digest, async function* (offset) {
    yield content.subarray(offset);
  });
  expect(digestOf(mended)).toBe(digest);
});

test("what a host may do is on its disk before it says so, and holds from the first byte after a restart", async () => {
  const config = readConfig({ stateDir: folder, dockerHost: "unix:///nonexistent.sock", name: "edge-1" });
  await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
  const start = async (count: number): Promise<TestSession> => {
    agent = startAgent(config, { log: () => undefined, engine: absentEngine(), random: () => 0.05 });
    await vi.waitFor(() => expect(plane.sessions.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 });
    return plane.sessions[count - 1]!;
  };
  const first = await start(1);
  expect(first.hello.linkDigest).toBe("");
  const limits = [
    { class: "metrics", bytesPerSecond: 0n, fromMinute: 0, untilMinute: 0, weekdays: [] },
    { class: "logs", bytesPerSecond: 0n, fromMinute: 0, untilMinute: 0, weekdays: [] },
  ];
  const settings: LinkSettings = {
    digest: "d1",
    metered: false,
    limits,
    timeZone: "Europe/Paris",
    images: "registry",
    peers: false,
  };
  first.send({ $case: "linkSettings", value: settings });
  await vi.waitFor(() =>
    expect(first.received).toContainEqual(
      expect.objectContaining({ $case: "linkReport", value: expect.objectContaining({ digest: "d1" }) }),
    ),
  );
  await agent?.stop();
  const second = await start(2);
  expect(second.hello.linkDigest).toBe("d1");
  const beats = (): AgentKind[] => second.received.filter(({ $case }) => $case === "heartbeat");
  await vi.waitFor(() => expect(beats().length).toBeGreaterThan(2), { timeout: 10_000 });
  // Its own start stands in the spool, and stays there.
  expect(second.received.filter(({ $case }) => $case === "spoolBatch")).toEqual([]);
  const { text } = await agent!.askLocally({ command: "link" });
  expect(text).toMatch(/metrics +stopped; 0 bytes sent/);
  second.send({
    $case: "openStream",
    value: {
      ticket: "t1",
      kind: { $case: "logs", value: { containerId: "c", follow: false, tail: 0, since: undefined, until: undefined } },
    },
  });
  await vi.waitFor(() => expect(plane.streams[0]?.received[0]).toMatchObject({ value: { code: "WF_LINK_STOPPED" } }));

  // What has waited goes as soon as it may.
  second.send({ $case: "linkSettings", value: { ...settings, digest: "d2", metered: true, limits: [] } });
  await vi.waitFor(() => expect([...plane.spools.values()].flat().length).toBeGreaterThan(0), { timeout: 10_000 });
  expect(plane.sessions).toHaveLength(2);
});

test("at the lowest limit of control a frame of 100 kB costs no session: answers to heartbeats do not wait behind it for its time", async () => {
  plane.behaviour.welcome = {
    intervals: { heartbeatMs: 15_000, hostSampleShipMs: 15_000, containerSampleShipMs: 15_000, live: false },
  };
  const config = readConfig({ stateDir: folder, dockerHost: "unix:///nonexistent.sock", name: "edge-1" });
  await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
  const clock = createFastClock();
  agent = startAgent(config, { log: () => undefined, engine: absentEngine(), random: () => 0.05, clock });
  await vi.waitFor(() => expect(plane.sessions.length).toBe(1), { timeout: 10_000 });
  const [session] = plane.sessions;
  const limits = [
    { class: "control", bytesPerSecond: BigInt(LEAST_CONTROL), fromMinute: 0, untilMinute: 0, weekdays: [] },
  ];
  const value = { digest: "d1", metered: false, limits, timeZone: "", images: "registry", peers: false };
  session?.send({ $case: "linkSettings", value });
  await vi.waitFor(() => expect(session?.received.some(({ $case }) => $case === "linkReport")).toBe(true));
  // What somebody pays for with 100 s, and one that waits for them.
  for (let frame = 0; frame < 2; frame++) {
    const peer = { hostId: "hst_2", address: "a".repeat(100 * LEAST_CONTROL), keySha256: new Uint8Array(32) };
    session?.send({ $case: "sitePeers", value: { peers: [peer], ticketKey: new Uint8Array() } });
  }
  // Three heartbeats without an answer would end it.
  const until = clock.now() + 90_000;
  clock.accelerate(30);
  await vi.waitFor(() => expect(clock.now()).toBeGreaterThan(until), { timeout: 10_000 });
  expect(plane.sessions).toHaveLength(1);
  expect(session?.isOpen).toBe(true);
});
