import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { sha256Digest } from "@windflow/core";
import { lackOfRoom } from "../files/room.ts";
import { readTar } from "../engines/docker/save-tar.ts";

/** An image that an engine gave, taken apart. */
export interface SavedImage {
  readonly config: Buffer;
  readonly configDigest: string;
  /** Base first; without a file when it was not wanted. */
  readonly layers: readonly SavedLayer[];
}
export interface SavedLayer {
  /** `sha256:…` of the uncompressed tar. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly file?: string;
}

/** What a build may come to; more is a mistake in its Dockerfile, and must not fill the disk of the host that builds. */
const MAXIMUM_IMAGE_BYTES = 16 * 1024 ** 3;
// Looked at again that often while a layer is uncompressed.
const ROOM_STEP_BYTES = 64 * 1024 * 1024;
const MAXIMUM_ENTRIES = 5_000;
const MAXIMUM_JSON_BYTES = 4 * 1024 * 1024;

/**
 * Takes an archive of `docker save` apart into a folder: layouts of every engine since 20.10, compressed layers or not. Each layer is
 * compared with the image's own configuration.
 * @param isKnown layers that nobody needs: their files are not kept
 * @throws Error when the archive does not hold what it says, or the disk has no room for it.
 */
export async function takeApart(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  isKnown: (digest: string) => boolean,
  lack: typeof lackOfRoom = lackOfRoom,
): Promise<SavedImage> {
  const requireRoom: RequireRoom = (place, bytes) => {
    const why = lack([{ folder: place, bytes }]);
    if (why !== undefined) throw new Error(`The built image ${why}. Free some, and start the build again.`);
  };
  const blobs = await unpack(archive, join(folder, "blobs"), { isKnown, requireRoom });
  const [manifest] = JSON.parse((await jsonOf(blobs, "manifest.json")).toString()) as SavedManifest[];
  if (manifest === undefined) throw new Error("the engine's archive names no image");
  const config = await jsonOf(blobs, manifest.Config);
  const { rootfs } = JSON.parse(config.toString()) as { rootfs?: { diff_ids?: string[] } };
  const digests = rootfs?.diff_ids ?? [];
  if (digests.length !== manifest.Layers.length)
    throw new Error("the engine's archive has other layers than its image");
  const layers: SavedLayer[] = [];
  for (const [i, digest] of digests.entries()) {
    const known = layers.find((layer) => layer.digest === digest);
    layers.push(known ?? (await layerOf(blobs, manifest.Layers[i] ?? "", { digest, folder, isKnown, requireRoom })));
  }
  return { config, configDigest: sha256Digest(config), layers };
}

/** The engine and its databases share the disk with what is taken apart. @throws Error when it would be full. */
type RequireRoom = (folder: string, bytes: number) => void;

interface SavedManifest {
  readonly Config: string;
  readonly Layers: readonly string[];
}

/** Name in the archive → file, or the name that it is a link to. */
type Blobs = ReadonlyMap<
  string,
  { readonly file: string } | { readonly link: string } | { readonly skippedBytes: number }
>;

async function unpack(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { isKnown, requireRoom }: { readonly isKnown: (digest: string) => boolean; readonly requireRoom: RequireRoom },
): Promise<Blobs> {
  await mkdir(folder, { recursive: true });
  const blobs = new Map<string, { file: string } | { link: string } | { skippedBytes: number }>();
  let bytes = 0;
  for await (const entry of readTar(archive)) {
    if (blobs.size >= MAXIMUM_ENTRIES) throw new Error(`the image has more than ${MAXIMUM_ENTRIES} parts`);
    if (entry.kind === "link") blobs.set(entry.name, { link: posix.join(dirname(entry.name), entry.linkTarget) });
    if (entry.kind !== "file") continue;
    bytes += entry.sizeBytes;
    if (bytes > MAXIMUM_IMAGE_BYTES) throw new Error(`the image is larger than ${MAXIMUM_IMAGE_BYTES / 1024 ** 3} GiB`);
    const blob = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(entry.name)?.[1];
    // Of an uncompressed layer the name is the digest; a configuration has a name of the same kind, and nobody knows it as a layer.
    if (blob !== undefined && isKnown(`sha256:${blob}`)) {
      blobs.set(entry.name, { skippedBytes: entry.sizeBytes });
      continue;
    }
    requireRoom(folder, entry.sizeBytes);
    // Our own name: those in the archive are of the engine.
    const file = join(folder, String(blobs.size));
    await pipeline(entry.content, createWriteStream(file, { mode: 0o600 }));
    blobs.set(entry.name, { file });
  }
  return blobs;
}

function fileOf(blobs: Blobs, name: string): { file: string } | { skippedBytes: number } {
  const found = blobs.get(name);
  const target = found !== undefined && "link" in found ? blobs.get(found.link) : found;
  if (target === undefined || "link" in target) throw new Error(`the engine's archive has no ${name}`);
  return target;
}

async function jsonOf(blobs: Blobs, name: string): Promise<Buffer> {
  const found = fileOf(blobs, name);
  if (!("file" in found)) throw new Error(`the engine's archive has no ${name}`);
  const { size } = await stat(found.file);
  if (size > MAXIMUM_JSON_BYTES) throw new Error(`${name} of the engine's archive is too large`);
  return readFile(found.file);
}

/** The layer as an uncompressed tar, its digest compared. */
async function layerOf(
  blobs: Blobs,
  name: string,
  wanted: {
    readonly digest: string;
    readonly folder: string;
    readonly isKnown: (digest: string) => boolean;
    readonly requireRoom: RequireRoom;
  },
): Promise<SavedLayer> {
  const { digest } = wanted;
  const found = fileOf(blobs, name);
  if ("skippedBytes" in found) return { digest, sizeBytes: found.skippedBytes };
  const file = join(wanted.folder, `layer-${digest.slice("sha256:".length)}`);
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let roomFor = 0;
  async function* counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      hash.update(piece);
      sizeBytes += piece.length;
      // How large it is uncompressed nobody says before.
      if (sizeBytes > roomFor) {
        wanted.requireRoom(wanted.folder, ROOM_STEP_BYTES);
        roomFor += ROOM_STEP_BYTES;
      }
      if (sizeBytes > MAXIMUM_IMAGE_BYTES) throw new Error("a layer of the image is too large");
      yield piece;
    }
  }
  const decompress = await decompressorOf(found.file);
  const input = createReadStream(found.file);
  const output = createWriteStream(file, { mode: 0o600 });
  await (decompress === undefined ? pipeline(input, counted, output) : pipeline(input, decompress, counted, output));
  await rm(found.file, { force: true });
  if (`sha256:${hash.digest("hex")}` !== digest)
    throw new Error(`the layer ${digest} of the built image is not what it says`);
  if (!wanted.isKnown(digest)) return { digest, sizeBytes, file };
  await rm(file, { force: true });
  return { digest, sizeBytes };
}

async function decompressorOf(file: string): Promise<ReturnType<typeof createGunzip> | undefined> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer[0] === 0x1f && buffer[1] === 0x8b) return createGunzip();
    if (buffer.readUInt32LE(0) === 0xfd2fb528)
      return createZstdDecompress() as unknown as ReturnType<typeof createGunzip>;
    return undefined;
  } finally {
    await handle.close();
  }
}
