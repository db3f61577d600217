import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { sha256Digest } from "@windflow/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { smallFile, writeTar } from "../engines/docker/build-tar.ts";
import type { Need } from "../files/room.ts";
import { takeApart } from "./saved-image.ts";

const MIB = 1024 * 1024;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "image-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const layer = Buffer.alloc(100 * MIB);
const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [sha256Digest(layer)] } }));
const archive = (): AsyncIterable<Buffer> =>
  writeTar([
    smallFile("layer", gzipSync(layer, { level: 1 })),
    smallFile("config", config),
    smallFile("manifest.json", Buffer.from(JSON.stringify([{ Config: "config", Layers: ["layer"] }]))),
  ]);

/** A disk on which so many more bytes fit at a time. */
const disk =
  (free: number) =>
  ([need]: readonly Need[]): string | undefined =>
    (need?.bytes ?? 0) > free ? "needs more than there is" : undefined;

test("an image that the disk has no room for is refused before it is written", async () => {
  const taken = takeApart(archive(), folder, () => false, disk(1000));
  await expect(taken).rejects.toThrow(
    "The built image needs more than there is. Free some, and start the build again.",
  );
  expect(readdirSync(join(folder, "blobs"))).toEqual([]);
});

test("a layer that grows over the room when it is uncompressed is refused", async () => {
  const taken = takeApart(archive(), folder, () => false, disk(10 * MIB));
  await expect(taken).rejects.toThrow("The built image needs more than there is.");
  const image = await takeApart(archive(), join(folder, "again"), () => false, disk(64 * MIB));
  expect(image.layers).toMatchObject([{ digest: sha256Digest(layer), sizeBytes: layer.length }]);
});
