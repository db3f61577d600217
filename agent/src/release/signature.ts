import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AgentError } from "../errors.ts";

// A list of ten files has 1 kB; anything much larger is no list of checksums.
const CHECKSUMS_MAX_BYTES = 64 * 1024;
const LINE = /^(?<sha256>[0-9a-f]{64}) {2}(?<name>[A-Za-z0-9._-]+)$/;

/**
 * Checks files of a release: `folder` holds SHA256SUMS and SHA256SUMS.sig beside them. Throws WF_CONFIG_INVALID when no
 * key has signed the list, when a file is not in it, or when its bytes are others.
 * @param keys public halves, base64 of DER (SPKI)
 */
export async function verifyRelease(folder: string, files: readonly string[], keys: readonly string[]): Promise<void> {
  const path = join(folder, "SHA256SUMS");
  if ((await stat(path)).size > CHECKSUMS_MAX_BYTES)
    throw new AgentError("WF_CONFIG_INVALID", `${path} is too large to be a list of checksums.`);
  const list = await readFile(path);
  const signature = await readFile(`${path}.sig`);
  if (!keys.some((key) => isSignedBy(key, list, signature)))
    throw new AgentError(
      "WF_CONFIG_INVALID",
      `${path} is not signed by a key that this agent trusts. Do not use these files: fetch them again from where they were released.`,
    );
  const sums = checksumsOf(list.toString("utf8"));
  for (const file of files) {
    const wanted = sums.get(basename(file));
    if (wanted === undefined)
      throw new AgentError(
        "WF_CONFIG_INVALID",
        `${path} has no checksum of ${basename(file)}: it is not of this release.`,
      );
    if ((await sha256Of(file)) !== wanted)
      throw new AgentError(
        "WF_CONFIG_INVALID",
        `${file} is not what was released: its checksum differs. Fetch it again.`,
      );
  }
}

/** Whether an Ed25519 key (base64 of DER, SPKI) has signed these bytes. */
export function isSignedBy(key: string, list: Buffer, signature: Buffer): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
  return publicKey.asymmetricKeyType === "ed25519" && verify(undefined, list, publicKey, signature);
}

/** File name → SHA-256 in hex, of a file as `sha256sum` writes it; other lines are passed over. */
export function checksumsOf(list: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of list.split("\n")) {
    const { sha256, name } = LINE.exec(line)?.groups ?? {};
    if (sha256 !== undefined && name !== undefined) sums.set(name, sha256);
  }
  return sums;
}

/** In hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
