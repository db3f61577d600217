import { createPublicKey, verify } from "node:crypto";

const LINE = /^(?<sha256>[0-9a-f]{64}) {2}(?<name>[A-Za-z0-9._-]+)$/;

/** Name of a file → its SHA-256 (hex), of a list as `sha256sum` writes it. What is no such line is left out. */
export function parseChecksums(list: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of list.split("\n")) {
    const { sha256, name } = LINE.exec(line)?.groups ?? {};
    if (sha256 !== undefined && name !== undefined) sums.set(name, sha256);
  }
  return sums;
}

/** @param key public half of an Ed25519 key, base64 of DER (SPKI). Throws on one that is no key. */
export function isSignedBy(key: string, content: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
  return publicKey.asymmetricKeyType === "ed25519" && verify(undefined, content, publicKey, signature);
}
