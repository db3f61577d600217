import { type KeyObject, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";

/** Bytes of an X25519 key, private or public. */
export const X25519_KEY_BYTES = 32;

// RFC 8410: everything of PKCS#8 and SubjectPublicKeyInfo that comes before the 32 bytes of the key.
const PKCS8_PREFIX: Uint8Array = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_PREFIX: Uint8Array = Buffer.from("302a300506032b656e032100", "hex");

/** The public half of an X25519 private key, both as 32 raw bytes. */
export function x25519PublicKey(privateKey: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKeyObject(privateKey)).export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(SPKI_PREFIX.length));
}

/** Raw Diffie-Hellman result of 32 bytes; must go through a key derivation before use. */
export function x25519SharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return diffieHellman({ privateKey: privateKeyObject(privateKey), publicKey: publicKeyObject(publicKey) });
}

function privateKeyObject(raw: Uint8Array): KeyObject {
  requireLength(raw);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: "der", type: "pkcs8" });
}

function publicKeyObject(raw: Uint8Array): KeyObject {
  requireLength(raw);
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
}

function requireLength(raw: Uint8Array): void {
  if (raw.length !== X25519_KEY_BYTES) {
    throw new RangeError(`an X25519 key has ${X25519_KEY_BYTES} bytes, this one has ${raw.length}`);
  }
}
