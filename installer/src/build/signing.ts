import { type KeyObject, createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { join } from "node:path";
import { digestOf } from "./npm-package.ts";

// PKCS #8 of an Ed25519 key (RFC 8410) is this, then the 32 bytes of its seed.
const PKCS8_BEFORE_SEED = Buffer.from("302e020100300506032b657004220420", "hex");

/** Signs development builds. It is no secret: everybody can make it, so it proves only that nothing was cut on the way. */
export function developmentKey(): KeyObject {
  const seed = createHash("sha256").update("WindFlow DEV: the key of development builds, which is no secret").digest();
  return createPrivateKey({ key: Buffer.concat([PKCS8_BEFORE_SEED, seed]), format: "der", type: "pkcs8" });
}

/** The public half as it is compiled into the agent: base64 of DER (SPKI). Throws for a key that is not Ed25519. */
export function publicHalf(key: KeyObject | string): string {
  const publicKey = createPublicKey(key);
  if (publicKey.asymmetricKeyType !== "ed25519")
    throw new Error(`A release key is an Ed25519 key; this one is ${publicKey.asymmetricKeyType ?? "unknown"}.`);
  return publicKey.export({ format: "der", type: "spki" }).toString("base64");
}

/** The 64 bytes of an Ed25519 signature, as `openssl pkeyutl -sign -rawin` makes them. */
export function signChecksums(checksums: Buffer, key: KeyObject): Buffer {
  return sign(undefined, checksums, key);
}

/** SHA256SUMS of files in a folder, one line each, as `sha256sum` writes and checks it. */
export async function checksumsOf(folder: string, names: readonly string[]): Promise<Buffer> {
  const lines = names.map(async (name) => `${await digestOf(join(folder, name), "sha256", "hex")}  ${name}\n`);
  return Buffer.from((await Promise.all(lines)).join(""));
}
