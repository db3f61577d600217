import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../platform/clock.ts";
import { systemClock } from "../platform/clock.ts";
import { openSpool, type Spool } from "./spool.ts";

let folder: string;
let names = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (over: { maxBytes?: number; segmentBytes?: number; clock?: Clock } = {}): Spool =>
  openSpool({
    folder,
    maxBytes: 1_000_000,
    segmentBytes: 1_000,
    newId: () => `spool-${String(++names).padStart(4, "0")}`,
    clock: systemClock,
    log: () => undefined,
    ...over,
  });
const readAll = (spool: Spool, after = 0n): { sequence: bigint; text: string }[] => {
  const found: { sequence: bigint; text: string }[] = [];
  for (let at = after; ;) {
    const batch = spool.read(at, 5_000);
    found.push(...batch.map(({ sequence, payload }) => ({ sequence, text: Buffer.from(payload).toString() })));
    const last = batch.at(-1)?.sequence;
    if (last === undefined) return found;
    at = last;
  }
};
const numbers = (from: number, to: number): bigint[] =>
  Array.from({ length: to - from + 1 }, (_, i) => BigInt(from + i));

test("killed with SIGKILL at any moment, it has every entry that it called durable, once, and goes on in order", async () => {
  const writer = join(import.meta.dirname, "testing/writer.ts");
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, ["--conditions=@windflow/source", "--no-warnings", writer, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let promised = 0n;
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString();
      const whole = told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1);
      if (whole) promised = BigInt(whole);
    });
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 15 + round * 17));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));

    const spool = open();
    const entries = readAll(spool);
    expect(spool.durable).toBeGreaterThanOrEqual(promised);
    expect(entries.map((entry) => entry.sequence)).toEqual(numbers(1, entries.length));
    expect(entries.map((entry) => (JSON.parse(entry.text) as { n: number }).n)).toEqual(entries.map((_, i) => i + 1));
    await spool.close();
  }
});

test("whatever is cut off or left half written at the end, what was whole stays and the next entry follows it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.nat(200),
      fc.uint8Array({ maxLength: 40 }),
      async (count, cut, garbage) => {
        rmSync(folder, { recursive: true, force: true });
        const first = open({ segmentBytes: 100_000 });
        for (let i = 1; i <= count; i++) first.append(Buffer.from(`entry ${i}`));
        await first.close();
        const inner = join(folder, readdirSync(folder).find((name) => name.startsWith("spool-")) ?? "");
        const file = join(inner, readdirSync(inner)[0] ?? "");
        const size = readAll(open()).length;
        expect(size).toBe(count);
        truncateSync(file, Math.max(0, statSize(file) - cut));
        appendFileSync(file, garbage);
        const second = open({ segmentBytes: 100_000 });
        const kept = readAll(second);
        expect(kept.map((entry) => entry.text)).toEqual(kept.map((_, i) => `entry ${i + 1}`));
        second.append(Buffer.from("next"));
        await second.flush();
        expect(readAll(second).at(-1)).toEqual({ sequence: BigInt(kept.length + 1), text: "next" });
        await second.close();
      },
    ),
    { numRuns: 30 },
  );
});

test("wherever a read begins and whatever was read before it, it gives what comes next, at least one and not much more than was asked for", async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 40 });
  const reads = fc.array(fc.tuple(fc.boolean(), fc.nat(40), fc.integer({ min: 1, max: 900 })), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(sizes, reads, async (lengths, asked) => {
      rmSync(folder, { recursive: true, force: true });
      const spool = open();
      let reached = 0n;
      for (const [at, length] of lengths.entries()) {
        spool.append(Buffer.alloc(length, at + 1));
        if (at % 3 === 0) await spool.flush();
        const [goesOn, from, maxBytes] = asked[at] ?? [true, 0, 500];
        const after = goesOn ? reached : BigInt(Math.min(from, at));
        const found = spool.read(after, maxBytes);
        expect(found.map(({ sequence }) => sequence)).toEqual(numbers(Number(after) + 1, Number(after) + found.length));
        for (const { sequence, payload } of found) {
          const index = Number(sequence) - 1;
          expect(Buffer.from(payload)).toEqual(Buffer.alloc(lengths[index] ?? 0, index + 1));
        }
        if (spool.durable > after) expect(found.length).toBeGreaterThan(0);
        const bytes = found.slice(1).reduce((sum, { payload }) => sum + payload.length, 0);
        expect(bytes).toBeLessThanOrEqual(maxBytes);
        reached = found.at(-1)?.sequence ?? after;
      }
      await spool.flush();
      expect(readAll(spool).map(({ sequence }) => sequence)).toEqual(numbers(1, lengths.length));
      await spool.close();
    }),
    { numRuns: 40 },
  );
});

test("acknowledged entries leave the disk; numbers are never used twice, also after a restart", async () => {
  const spool = open();
  for (let i = 1; i <= 200; i++) {
    spool.append(Buffer.from(`entry ${i}`));
    if (i % 20 === 0) await spool.flush();
  }
  spool.acknowledge(200n);
  await spool.close();
  const again = open();
  expect(again.durable).toBe(200n);
  expect(again.spoolId).toBe(spool.spoolId);
  again.append(Buffer.from("entry 201"));
  await again.flush();
  expect(readAll(again, 200n)).toEqual([{ sequence: 201n, text: "entry 201" }]);
  await again.close();
});

test("beyond its limit the oldest go, counted; the newest stay", async () => {
  const spool = open({ maxBytes: 5_000 });
  for (let i = 1; i <= 400; i++) {
    spool.append(Buffer.from(`entry ${i}`));
    if (i % 10 === 0) await spool.flush();
  }
  const entries = readAll(spool);
  expect(entries.at(-1)?.sequence).toBe(400n);
  expect(BigInt(entries.length) + spool.dropped).toBe(400n);
  expect(entries.map((entry) => entry.sequence)).toEqual(numbers(400 - entries.length + 1, 400));
  await spool.close();
});

test("renewed, it has another name and the same entries from one, durable at once", async () => {
  const spool = open();
  const before = spool.spoolId;
  for (let i = 1; i <= 50; i++) spool.append(Buffer.from(`entry ${i}`));
  await spool.flush();
  await spool.renew();
  expect(spool.spoolId).not.toBe(before);
  expect(readAll(spool).map((entry) => entry.text)).toEqual(Array.from({ length: 50 }, (_, i) => `entry ${i + 1}`));
  await spool.close();
  const again = open();
  expect(again.spoolId).toBe(spool.spoolId);
  expect(again.durable).toBe(50n);
  await again.close();
});

test("a disk that cannot be written keeps the newest in memory, counts the rest, and goes on when it can be", async () => {
  const spool = open();
  await spool.flush();
  const inner = join(folder, spool.spoolId);
  rmSync(inner, { recursive: true });
  for (let i = 1; i <= 30; i++) spool.append(Buffer.alloc(100_000, i));
  await spool.flush();
  expect(spool.durable).toBe(0n);
  expect(spool.dropped).toBe(10n);
  mkdirSync(inner);
  await spool.flush();
  expect(spool.durable).toBe(20n);
  expect(readAll(spool)[0]?.text.codePointAt(0)).toBe(11);
  await spool.close();
});

function statSize(file: string): number {
  return statSync(file).size;
}
