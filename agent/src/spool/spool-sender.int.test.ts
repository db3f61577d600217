import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostEvent, SampleBatch, SpoolEntry, type SpoolBatch } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../platform/clock.ts";
import type { SessionLink } from "../session/session.ts";
import { startSpoolSender } from "./spool-sender.ts";
import { openSpool, type Spool } from "./spool.ts";

let folder: string;
let spool: Spool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-sender-"));
  const limits = { maxBytes: 1_000_000, segmentBytes: 10_000 };
  spool = openSpool({ folder, ...limits, newId: () => "spool-1", clock: systemClock, log: () => undefined });
});
afterEach(async () => {
  await spool.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Takes what is sent, and answers nothing by itself. */
function silentLink(waives = false): { link: SessionLink; sent: SpoolBatch[] } {
  const sent: SpoolBatch[] = [];
  const link = {
    ended: new AbortController().signal,
    send: (kind: Parameters<SessionLink["send"]>[0]) => {
      if (kind.$case === "spoolBatch") sent.push(kind.value);
      return true;
    },
    waivesAnswer: () => waives,
  } as SessionLink;
  return { link, sent };
}
const entryOf = (kind?: SpoolEntry["kind"]): Uint8Array =>
  SpoolEntry.encode({ sequence: 0n, at: new Date(), kind }).finish();
const SAMPLES = entryOf({ $case: "samples", value: SampleBatch.create() });
const EVENT = entryOf({ $case: "event", value: HostEvent.create({ type: "container.die" }) });

test("what comes one by one while nothing is answered waits on the disk, and goes together once it is", async () => {
  const { link, sent } = silentLink();
  const sender = await startSpoolSender(spool, link, 0n, systemClock);
  for (let i = 0; i < 100; i++) {
    spool.append(SAMPLES);
    await spool.flush();
    sender.pump();
  }
  expect(sent.map(({ entries }) => entries.length)).toEqual([1, 1, 1, 1]);
  sender.acknowledged("spool-1", 1n);
  expect(sent.map(({ entries }) => entries.length)).toEqual([1, 1, 1, 1, 96]);
  sender.acknowledged("spool-1", 100n);
  const sequences = sent.flatMap(({ entries }) => entries.map(({ sequence }) => sequence));
  expect(sequences).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)));
});

test("figures that nothing waits behind can do without an answer, where the session can; what happened cannot, nor what comes after", async () => {
  const { link, sent } = silentLink(true);
  const sender = await startSpoolSender(spool, link, 0n, systemClock);
  const ship = async (...payloads: Uint8Array[]): Promise<boolean | undefined> => {
    for (const payload of payloads) spool.append(payload);
    await spool.flush();
    sender.pump();
    return sent.at(-1)?.ackLater;
  };
  expect(await ship(SAMPLES)).toBe(true);
  expect(await ship(SAMPLES)).toBeUndefined();
  sender.acknowledged("spool-1", 2n);
  expect(await ship(SAMPLES, EVENT)).toBeUndefined();
  sender.acknowledged("spool-1", 4n);
  expect(await ship(SAMPLES, SAMPLES)).toBe(true);
  expect(await ship(SAMPLES)).toBeUndefined();
  sender.acknowledged("spool-1", 7n);
  expect(spool.durable).toBe(7n);
});
