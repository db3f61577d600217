import { readdirSync } from "node:fs";
import { join } from "node:path";
import { sha256Digest } from "@windflow/core";
import { StackBody } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";

/** Bodies of the desired state on disk, named by their digest. */
export interface BodyFiles {
  has(digest: string): boolean;
  /** @throws AgentError WF_BODY_INVALID when the bytes are not what the digest says. */
  store(digest: string, bytes: Uint8Array): void;
  /** @throws AgentError WF_BODY_INVALID when it is missing or was altered on disk. */
  read(digest: string): StackBody;
  /** Removes every body that is not named. */
  keepOnly(digests: ReadonlySet<string>): void;
}

const DIGEST = /^sha256:([0-9a-f]{64})$/;

export function openBodyFiles(folder: string): BodyFiles {
  makePrivateFolder(folder);
  const pathOf = (digest: string): string => {
    const hex = DIGEST.exec(digest)?.[1];
    if (hex === undefined) throw new AgentError("WF_BODY_INVALID", `"${digest}" is no digest.`);
    return join(folder, hex);
  };
  const readBytes = (digest: string): Buffer | undefined => {
    const bytes = readIfThere(pathOf(digest));
    return bytes !== undefined && sha256Digest(bytes) === digest ? bytes : undefined;
  };
  return {
    has: (digest) => readBytes(digest) !== undefined,
    store: (digest, bytes) => {
      const actual = sha256Digest(bytes);
      if (actual !== digest)
        throw new AgentError("WF_BODY_INVALID", `The body ${digest} came with the digest ${actual}; it is refused.`);
      writeDurably(pathOf(digest), bytes);
    },
    read: (digest) => {
      const bytes = readBytes(digest);
      if (bytes === undefined)
        throw new AgentError(
          "WF_BODY_INVALID",
          `The body ${digest} is missing on this host or was altered; it is fetched again with the next connection.`,
        );
      return decodeBody(bytes, digest);
    },
    keepOnly: (digests) => {
      const names = new Set([...digests].map((digest) => DIGEST.exec(digest)?.[1]));
      for (const name of readdirSync(folder)) if (!names.has(name)) removeIfThere(join(folder, name));
    },
  };
}

/** @throws AgentError WF_BODY_INVALID */
export function decodeBody(bytes: Uint8Array, name: string): StackBody {
  try {
    return StackBody.decode(bytes);
  } catch (cause) {
    throw new AgentError("WF_BODY_INVALID", `The body ${name} cannot be decoded.`, { cause });
  }
}
