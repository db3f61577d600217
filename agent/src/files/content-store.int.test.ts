import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Digest } from "@windflow/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ContentSource, type ContentStore, openContentStore } from "./content-store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-contents-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const content = randomBytes(50_000);
const wanted = { digest: sha256Digest(content), sizeBytes: content.length };
const PIECE = 1_000;

/** Gives the content in pieces, breaks after so many, and notes where it was asked to begin. */
function sourceOf(bytes: Buffer, asked: number[], breakAfter = Infinity): ContentSource {
  return async function* (_digest, offset) {
    asked.push(offset);
    for (let at = offset, given = 0; at < bytes.length; at += PIECE, given++) {
      if (given === breakAfter) throw new Error("the link broke");
      yield bytes.subarray(at, at + PIECE);
    }
  };
}
const readBack = (store: ContentStore): Buffer => readFileSync(store.pathOf(wanted.digest));

test("a fetch goes on where the last one ended, also in another process", async () => {
  const asked: number[] = [];
  await expect(openContentStore(folder).fetch(wanted, sourceOf(content, asked, 20))).rejects.toThrow("the link broke");
  const store = openContentStore(folder);
  expect(store.has(wanted)).toBe(false);
  expect(store.missingBytes(wanted)).toBe(content.length - 20 * PIECE);
  await store.fetch(wanted, sourceOf(content, asked));
  expect(asked).toEqual([0, 20 * PIECE]);
  expect(readBack(store).equals(content)).toBe(true);
  expect(store.missingBytes(wanted)).toBe(0);
  expect(store.usedBytes()).toBe(content.length);
  expect(statSync(store.pathOf(wanted.digest)).mode & 0o777).toBe(0o600);
  await store.fetch(wanted, sourceOf(content, asked));
  expect(asked).toHaveLength(2);
});

test("what this process wrote of a piece is not read again after each cut; another one reads it", async () => {
  const asked: number[] = [];
  const store = openContentStore(folder);
  const cut = (): Promise<void> =>
    expect(store.fetch(wanted, sourceOf(content, asked, 20))).rejects.toThrow("the link broke");
  await cut();
  const piece = join(folder, "pieces", wanted.digest.slice(7));
  writeFileSync(piece, Buffer.alloc(readFileSync(piece).length));
  await cut();
  expect(asked).toEqual([0, 20 * PIECE]);
  await openContentStore(folder).fetch(wanted, sourceOf(content, asked));
  expect(asked.slice(2)).toEqual([40 * PIECE, 0]);
  expect(readBack(store).equals(content)).toBe(true);
});

test("a spoilt piece is fetched anew, and what is another content twice is refused", async () => {
  const asked: number[] = [];
  const store = openContentStore(folder);
  writeFileSync(join(folder, "pieces", wanted.digest.slice(7)), "spoilt");
  await store.fetch(wanted, sourceOf(content, asked));
  expect(asked).toEqual([6, 0]);
  await store.dropIfDamaged(wanted.digest);
  expect(store.has(wanted)).toBe(true);
  writeFileSync(store.pathOf(wanted.digest), Buffer.alloc(content.length));
  await store.dropIfDamaged(wanted.digest);
  expect(store.has(wanted)).toBe(false);
  const other = Buffer.alloc(content.length, 1);
  for (const wrong of [other, Buffer.concat([content, other])])
    await expect(store.fetch(wanted, sourceOf(wrong, []))).rejects.toMatchObject({ code: "WF_FILES_UNAVAILABLE" });
  await expect(store.fetch(wanted, sourceOf(content.subarray(1), []))).rejects.toThrow(/ended after 49999 of 50000/);
  expect(store.has(wanted)).toBe(false);
});

test("two that ask for one file at once get it by one fetch", async () => {
  const asked: number[] = [];
  const store = openContentStore(folder);
  await Promise.all([1, 2, 3].map(() => store.fetch(wanted, sourceOf(content, asked))));
  expect(asked).toEqual([0]);
});

test("what is not named any more is removed, pieces too; a name that is no digest reaches no path", async () => {
  const store = openContentStore(folder);
  await store.fetch(wanted, sourceOf(content, []));
  const other = { digest: sha256Digest(Buffer.from("other")), sizeBytes: 5 };
  await expect(store.fetch(other, sourceOf(Buffer.from("oth"), []))).rejects.toThrow();
  store.keepOnly(new Set([wanted.digest]));
  expect(store.has(wanted)).toBe(true);
  expect(readdirSync(join(folder, "pieces"))).toEqual([]);
  store.keepOnly(new Set());
  expect(readdirSync(folder)).toEqual(["pieces"]);
  expect(() => store.pathOf("sha256:../../etc/passwd")).toThrow(/is no digest/);
});

test("killed with SIGKILL in the middle of a fetch, the next one goes on and the bytes are right", async () => {
  const fetcher = join(import.meta.dirname, "testing/fetcher.ts");
  const size = 4_000_000;
  let store = openContentStore(folder);
  for (let round = 0; round < 4; round++) {
    const child = spawn(
      process.execPath,
      ["--conditions=@windflow/source", "--no-warnings", fetcher, folder, String(size)],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 20 + round * 15));
    child.kill("SIGKILL");
    await once(child, "exit");
    store = openContentStore(folder);
  }
  const bytes = Buffer.alloc(size, "windflow");
  const large = { digest: sha256Digest(bytes), sizeBytes: size };
  expect(store.missingBytes(large)).toBeLessThan(size);
  const asked: number[] = [];
  await store.fetch(large, sourceOf(bytes, asked));
  expect(asked[0] ?? size).toBeGreaterThan(0);
  expect(readFileSync(store.pathOf(large.digest)).equals(bytes)).toBe(true);
});
