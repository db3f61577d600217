import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openContentStore } from "../files/content-store.ts";
import { createKeptLayers } from "./kept-layers.ts";

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "windflow-kept-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("what came of an image that failed outlives another image that is loaded, for an hour", async () => {
  let now = Date.now();
  const store = openContentStore(join(folder, "failed"));
  const clock = { now: () => now, after: () => () => undefined };
  const kept = createKeptLayers({ store, clock, isShared: () => false, freeBytes: () => 0 });
  const layer = async (text: string, whole: boolean) => {
    const content = Buffer.from(text);
    const one = { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, sizeBytes: content.length };
    const fetched = store.fetch(one, async function* () {
      yield whole ? content : content.subarray(0, 3);
    });
    const problem = await fetched.then(
      () => "",
      (error: unknown) => String(error),
    );
    expect(problem).toContain(whole ? "" : "ended after 3");
    return one;
  };
  const failing = [await layer("a layer that came", true), await layer("a layer half of which came", false)];
  const load = async (text: string): Promise<void> => {
    const layers = [await layer(text, true)];
    kept.begun(layers);
    kept.ended(layers, true);
  };
  kept.begun(failing);
  kept.ended(failing, false);
  await load("another image");
  const left = (): number[] => failing.map((one) => one.sizeBytes - store.missingBytes(one));
  expect(left()).toEqual([17, 3]);
  expect(store.list()).toHaveLength(1);
  now += HOUR_MS;
  await load("yet another one");
  expect(left()).toEqual([0, 0]);
});

test("layers of gigabytes are kept for others of the site where the disk has room, and do not cost the small ones their place", async () => {
  const GB = 1e9;
  const now = Date.now();
  const layers = [
    { digest: "sha256:newest", sizeBytes: 8 * GB, at: now },
    { digest: "sha256:small", sizeBytes: GB, at: now - 1_000 },
    { digest: "sha256:yesterday", sizeBytes: 1, at: now - 25 * HOUR_MS },
  ];
  let kept: ReadonlySet<string> = new Set();
  const store = {
    ...openContentStore(join(folder, "sizes")),
    list: () => layers,
    usedBytes: () => 9 * GB,
    keepOnly: (digests: ReadonlySet<string>) => {
      kept = digests;
    },
  };
  const clock = { now: () => now, after: () => () => undefined };
  const keptWith = (freeBytes: number): string[] => {
    const layersHere = createKeptLayers({ store, clock, isShared: () => true, freeBytes: () => freeBytes });
    layersHere.begun([]);
    layersHere.ended([], true);
    return [...kept];
  };
  expect(keptWith(40 * GB)).toEqual(["sha256:newest", "sha256:small"]);
  expect(keptWith(10 * GB)).toEqual(["sha256:small"]);
});
