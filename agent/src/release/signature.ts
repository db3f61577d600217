import { isSignedBy, parseChecksums } from "@windflow/core";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AgentError } from "../errors.ts";

// A list of ten files has 1 kB; anything much larger is no list of checksums.
const CHECKSUMS_MAX_BYTES = 64 * 1024;

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
  const sums = parseChecksums(list.toString("utf8"));
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

/** In hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
