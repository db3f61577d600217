import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { PassThrough, type Transform } from "node:stream";
import { chmodSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { makePrivateFolder, removeIfThere, syncFolder } from "../platform/durable-file.ts";
import { sha256Of } from "../release/signature.ts";
import type { FaultPoint } from "./fault.ts";
import { PART_ENDING } from "./observe.ts";
import { MOST_PROGRAM_BYTES } from "./plan.ts";
import { UpdateRefusal } from "./refusal.ts";
import { updateFolder } from "./status-file.ts";
import type { OfferedFile } from "./wanted.ts";

/** Bytes of a file of the release, from an offset on. */
export type ReleaseSource = (name: string, offset: number) => AsyncIterable<Uint8Array>;

const PROGRAM_MODE = 0o755;

export function partPath(stateDir: string, sha256: string): string {
  return join(updateFolder(stateDir), `${sha256}${PART_ENDING}`);
}

/** Removes what came of other files, or of all. */
export function removeParts(stateDir: string, except = ""): void {
  const folder = updateFolder(stateDir);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return;
  for (const name of readdirSync(folder))
    if (name.endsWith(PART_ENDING) && name !== `${except}${PART_ENDING}`) removeIfThere(join(folder, name));
}

/**
 * Fetches what is missing of a file, beginning where an earlier try ended.
 * @param onBytes told how much is here after each piece.
 * @returns false when what came is not what was released: it is removed then. Rejects when the source breaks.
 */
export async function download(
  stateDir: string,
  { file, sha256 }: { readonly file: OfferedFile; readonly sha256: string },
  source: ReleaseSource,
  { onBytes, at }: { readonly onBytes: (bytes: number) => void; readonly at: FaultPoint },
): Promise<boolean> {
  makePrivateFolder(updateFolder(stateDir));
  removeParts(stateDir, sha256);
  const path = partPath(stateDir, sha256);
  const part = await open(path, "a", 0o600);
  try {
    let bytes = (await part.stat()).size;
    onBytes(bytes);
    if (bytes < file.bytes) {
      for await (const piece of source(file.name, bytes)) {
        bytes += piece.length;
        if (bytes > file.bytes) break;
        await part.appendFile(piece);
        onBytes(bytes);
        at("piece written");
      }
    }
    await part.sync();
  } finally {
    await part.close();
  }
  at("download whole");
  if ((await sha256Of(path)) === sha256) return true;
  removeIfThere(path);
  return false;
}

/** Puts the program into a slot, whole and durable. @throws UpdateRefusal when it is not what was released, or the disk is full. */
export async function unpack(
  packed: string,
  { name, sha256, program }: { readonly name: string; readonly sha256: string; readonly program: string },
  at: FaultPoint,
): Promise<void> {
  const folder = dirname(program);
  const draft = `${program}.new`;
  mkdirSync(folder, { recursive: true, mode: PROGRAM_MODE });
  removeIfThere(draft);
  const out = await open(draft, "wx", 0o700);
  at("draft opened");
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(createReadStream(packed), unpacker(name), async (pieces) => {
      for await (const piece of pieces as AsyncIterable<Buffer>) {
        bytes += piece.length;
        if (bytes > MOST_PROGRAM_BYTES)
          throw new UpdateRefusal("WF_UPDATE_DAMAGED", `${name} unpacks to more than any agent has.`);
        hash.update(piece);
        await out.appendFile(piece);
      }
    });
    at("draft written");
    await out.sync();
  } catch (error) {
    removeIfThere(draft);
    throw refusalOf(error, name);
  } finally {
    await out.close();
  }
  if (hash.digest("hex") !== sha256) {
    removeIfThere(draft);
    throw new UpdateRefusal(
      "WF_UPDATE_DAMAGED",
      `${name} does not unpack to what was released: the checksum differs. Put the files of the release on the control plane again.`,
    );
  }
  chmodSync(draft, PROGRAM_MODE);
  at("draft synced");
  renameSync(draft, program);
  at("draft renamed");
  syncFolder(folder);
  syncFolder(dirname(folder));
  at("slot synced");
}

function unpacker(name: string): Transform {
  if (name.endsWith(".zst")) return createZstdDecompress();
  return name.endsWith(".gz") ? createGunzip() : new PassThrough();
}

function refusalOf(error: unknown, name: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT")
    return new UpdateRefusal(
      "WF_UPDATE_NO_ROOM",
      `The disk was full when ${name} was unpacked. Make room there and start the update again.`,
    );
  if (code.startsWith("Z_") || code.startsWith("ZSTD_"))
    return new UpdateRefusal(
      "WF_UPDATE_DAMAGED",
      `${name} cannot be unpacked: it is damaged. Put the files of the release on the control plane again.`,
    );
  return error;
}
