import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { DesiredAgent } from "@windflow/proto/agent";
import { releaseIdOf } from "../wanted.ts";

const pair = generateKeyPairSync("ed25519");
/** The key that agents of these tests trust. */
export const TRUSTED_KEY: string = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64");

export const PROGRAM_NAME: string = `windflow-agent-linux-${process.arch}`;

export interface TestRelease {
  readonly files: Map<string, Uint8Array>;
  readonly desired: DesiredAgent;
}

/** A release with one program, signed by the trusted key or another. */
export function makeRelease(
  program: Uint8Array,
  over: Partial<DesiredAgent> & { readonly foreignKey?: boolean; readonly permitFor?: string } = {},
): TestRelease {
  const { foreignKey = false, permitFor, ...fields } = over;
  const files = new Map<string, Uint8Array>([
    [PROGRAM_NAME, program],
    [`${PROGRAM_NAME}.gz`, gzipSync(program)],
    [`${PROGRAM_NAME}.zst`, zstdCompressSync(program)],
  ]);
  const list = Buffer.from([...files].map(([name, content]) => `${sha256(content)}  ${name}\n`).join(""));
  const key = foreignKey ? generateKeyPairSync("ed25519").privateKey : pair.privateKey;
  const permit =
    permitFor === undefined ? Buffer.alloc(0) : permitBytes(permitFor === "" ? releaseIdOf(list) : permitFor);
  return {
    files,
    desired: {
      updateId: "upd_1",
      version: "0.2.0",
      commit: "",
      releaseId: releaseIdOf(list),
      sums: list,
      signature: sign(undefined, list, key),
      files: [...files]
        .map(([name, content]) => ({ name, sizeBytes: BigInt(content.length) }))
        .toSorted((a, b) => Number(a.sizeBytes - b.sizeBytes)),
      // A start of a program on a machine that does other things; who waits for the end of it says less.
      proveSeconds: 30,
      stableSeconds: 1,
      permit,
      permitSignature: permit.length === 0 ? Buffer.alloc(0) : sign(undefined, permit, pair.privateKey),
      ...fields,
    },
  };
}

function permitBytes(releaseId: string): Buffer {
  return Buffer.from(`windflow permit 1\nolder-release ${releaseId}\nuntil 2100-01-01T00:00:00Z\n`);
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
