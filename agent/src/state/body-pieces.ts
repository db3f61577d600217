import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sha256Digest } from "@windflow/core";
import { AgentError } from "../errors.ts";
import { PRIVATE_FILE, makePrivateFolder, readIfThere, removeIfThere } from "../platform/durable-file.ts";

/** Files and configs of one revision travel inside its body. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** Bodies of the desired state on their way: what came before a link broke, or before the agent was restarted, need not come again. */
export interface BodyPieces {
  /**
   * The whole body. What has come stays when the source fails.
   * @param source its bytes from an offset on
   * @throws AgentError WF_BODY_INVALID for more than a body may have; whatever the source throws.
   */
  fetch(digest: string, source: (offset: number) => AsyncIterable<Uint8Array>): Promise<Uint8Array>;
  /** Nothing of what came is needed any more. */
  clear(): void;
}

export function openBodyPieces(folder: string): BodyPieces {
  const fetchOnce = async (
    path: string,
    source: (offset: number) => AsyncIterable<Uint8Array>,
  ): Promise<{ readonly bytes: Uint8Array; readonly begunAt: number }> => {
    makePrivateFolder(folder);
    const begun = readIfThere(path) ?? Buffer.alloc(0);
    const parts: Uint8Array[] = [begun];
    let length = begun.length;
    for await (const part of source(begun.length)) {
      length += part.length;
      if (length > MAX_BODY_BYTES) {
        removeIfThere(path);
        throw new AgentError("WF_BODY_INVALID", `A body has more than ${MAX_BODY_BYTES} bytes; it is refused.`);
      }
      // Not synced: what a power cut spoils shows in the digest.
      appendFileSync(path, part, { mode: PRIVATE_FILE });
      parts.push(part);
    }
    return { bytes: Buffer.concat(parts), begunAt: begun.length };
  };
  return {
    fetch: async (digest, source) => {
      const hex = DIGEST.exec(digest)?.[1];
      if (hex === undefined) throw new AgentError("WF_BODY_INVALID", `"${digest}" is no digest.`);
      const path = join(folder, hex);
      for (;;) {
        const { bytes, begunAt } = await fetchOnce(path, source);
        removeIfThere(path);
        // A piece that a power cut spoiled, or a control plane that gives all of it whatever is asked for: then once more from the start.
        if (begunAt === 0 || sha256Digest(bytes) === digest) return bytes;
      }
    },
    clear: () => rmSync(folder, { recursive: true, force: true }),
  };
}
