import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export const SUMS = "SHA256SUMS";
export const SIGNATURE = "SHA256SUMS.sig";

/** A file that may be given to a new host. */
export interface OfferedFile {
  readonly path: string;
  readonly bytes: number;
  /** Hex, of the bytes as they are on disk. */
  readonly sha256: string;
}

/** A file that is there and must not be given out: why, in a sentence. */
export interface WithheldFile {
  readonly withheld: string;
}

export interface InstallRelease {
  /** Undefined when no folder has it. */
  find(name: string): Promise<OfferedFile | WithheldFile | undefined>;
  /** Hex sha256 of the SHA256SUMS that is given out, signed where keys are known; undefined when there is none. */
  sumsOf(): Promise<string | undefined>;
}

// A list of twenty files has 2 kB; anything much larger is no list of checksums.
const SUMS_MAX_BYTES = 64 * 1024;
const LINE = /^([0-9a-f]{64}) {2}([A-Za-z0-9._-]+)$/;

/**
 * Folders as a build leaves them, looked through in order. With `keys` (public halves, base64 of DER) a file is given out only
 * when a signed SHA256SUMS beside it names its bytes: who can write into the folder, and no more, gives nobody anything.
 */
export function openInstallRelease(folders: readonly string[], keys: readonly string[]): InstallRelease {
  // By path, size and time of change: 110 MB take a third of a second.
  const hashes = new Map<string, { readonly as: string; readonly sha256: Promise<string> }>();

  async function hashed(path: string): Promise<{ bytes: number; sha256: string } | undefined> {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true) return undefined;
    const as = `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
    let known = hashes.get(path);
    if (known?.as !== as) {
      known = { as, sha256: sha256Of(path) };
      known.sha256.catch(() => hashes.delete(path));
      hashes.set(path, known);
    }
    return { bytes: found.size, sha256: await known.sha256 };
  }

  async function sums(folder: string): Promise<{ bytes: Buffer; problem?: string } | undefined> {
    const path = join(folder, SUMS);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true) return undefined;
    if (found.size > SUMS_MAX_BYTES)
      return { bytes: Buffer.alloc(0), problem: `${SUMS} is too large to be a list of checksums` };
    const bytes = await readFile(path);
    const signature = await readFile(join(folder, SIGNATURE)).catch(() => Buffer.alloc(0));
    if (keys.length === 0 || keys.some((key) => isSigned(bytes, signature, key))) return { bytes };
    return { bytes, problem: `${SUMS} is not signed by a key that this control plane trusts` };
  }

  async function problemOf(folder: string, name: string, sha256: string): Promise<string | undefined> {
    if (keys.length === 0 || name === SIGNATURE) return undefined;
    const list = await sums(folder);
    if (list === undefined) return `there is no ${SUMS} beside it`;
    if (list.problem !== undefined || name === SUMS) return list.problem;
    const line = list.bytes
      .toString("utf8")
      .split("\n")
      .map((text) => LINE.exec(text))
      .find((match) => match?.[2] === name);
    if (line?.[1] === undefined) return `${SUMS} does not name it`;
    return line[1] === sha256 ? undefined : `its bytes are not those that ${SUMS} names`;
  }

  async function find(name: string): Promise<OfferedFile | WithheldFile | undefined> {
    for (const folder of folders) {
      const path = join(folder, name);
      const file = await hashed(path);
      if (file === undefined) continue;
      const problem = await problemOf(folder, name, file.sha256);
      return problem === undefined ? { path, ...file } : { withheld: problem };
    }
    return undefined;
  }

  return {
    find,
    sumsOf: async () => {
      const file = await find(SUMS);
      return file === undefined || "withheld" in file ? undefined : file.sha256;
    },
  };
}

function isSigned(bytes: Buffer, signature: Buffer, key: string): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
  return publicKey.asymmetricKeyType === "ed25519" && verify(undefined, bytes, publicKey, signature);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
