import { parseChecksums } from "@windflow/core";
import { createHash } from "node:crypto";
import type { DesiredAgent } from "@windflow/proto/agent";

/** A file of a release that the control plane can give. */
export interface OfferedFile {
  readonly name: string;
  readonly bytes: number;
}

/** What this agent is to become. */
export interface Wanted {
  readonly updateId: string;
  readonly version: string;
  /** Empty when the control plane does not say. */
  readonly commit: string;
  readonly releaseId: string;
  /** File name → SHA-256 in hex; to be believed once its signature is good. */
  readonly checksums: ReadonlyMap<string, string>;
  readonly files: readonly OfferedFile[];
  readonly proveSeconds: number;
  readonly stableSeconds: number;
}

/** What is checked of a DesiredAgent besides. */
export interface Seals {
  readonly list: Buffer;
  readonly signature: Buffer;
  readonly permit: Buffer;
  readonly permitSignature: Buffer;
}

const USUAL_PROVE_SECONDS = 120;
const LEAST_PROVE_SECONDS = 2;
/** A day: nobody waits longer to see that an agent is lost. */
const MOST_SECONDS = 86_400;
const USUAL_STABLE_SECONDS = 10;

export function wantedOf(message: DesiredAgent): { readonly wanted: Wanted; readonly seals: Seals } {
  const { updateId, version, commit, releaseId, files, proveSeconds, stableSeconds } = message;
  const list = Buffer.from(message.sums);
  return {
    wanted: {
      updateId,
      version,
      commit,
      releaseId,
      checksums: parseChecksums(list.toString("utf8")),
      files: files.map(({ name, sizeBytes }) => ({ name, bytes: Number(sizeBytes) })),
      proveSeconds: Math.min(Math.max(proveSeconds || USUAL_PROVE_SECONDS, LEAST_PROVE_SECONDS), MOST_SECONDS),
      stableSeconds: Math.min(stableSeconds || USUAL_STABLE_SECONDS, MOST_SECONDS),
    },
    seals: {
      list,
      signature: Buffer.from(message.signature),
      permit: Buffer.from(message.permit),
      permitSignature: Buffer.from(message.permitSignature),
    },
  };
}

/** How a release is named. */
export function releaseIdOf(list: Uint8Array): string {
  return createHash("sha256").update(list).digest("hex");
}
