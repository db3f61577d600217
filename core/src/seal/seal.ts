import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { X25519_KEY_BYTES, x25519PublicKey, x25519SharedSecret } from "./x25519.ts";

/** Bytes that only the owner of one X25519 key can read. Field names are those of the protocol's SealedBox. */
export interface SealedBox {
  /** X25519 public key (32 bytes) made for this box alone. */
  readonly ephemeralKey: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** AES-256-GCM output followed by its 16-byte tag. */
  readonly ciphertext: Uint8Array;
}

/** Fresh for every box, from a cryptographic source; core itself has none. */
export interface SealRandomness {
  /** 32 bytes. */
  readonly ephemeralPrivateKey: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
}

/** Bytes of randomness that one box takes. */
export const SEAL_RANDOMNESS_BYTES: number = X25519_KEY_BYTES + 12;

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LABEL = "windflow-seal-v1\0";

/** The box was made for another key or another purpose, or somebody changed it. It says no more on purpose. */
export class SealError extends Error {
  override readonly name = "SealError";
}

/**
 * X25519 with a key for this box → HKDF-SHA256 → AES-256-GCM.
 * @param recipientPublicKey X25519, 32 bytes.
 * @param context what the box is for; opening it for anything else fails.
 */
export function seal(
  recipientPublicKey: Uint8Array,
  plaintext: Uint8Array,
  context: string,
  randomness: SealRandomness,
): SealedBox {
  if (randomness.nonce.length !== NONCE_BYTES) {
    throw new RangeError(`a nonce has ${NONCE_BYTES} bytes, this one has ${randomness.nonce.length}`);
  }
  const ephemeralKey = x25519PublicKey(randomness.ephemeralPrivateKey);
  const shared = x25519SharedSecret(randomness.ephemeralPrivateKey, recipientPublicKey);
  const key = boxKey(shared, ephemeralKey, recipientPublicKey, context);
  const cipher = createCipheriv(CIPHER, key, randomness.nonce);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { ephemeralKey, nonce: randomness.nonce, ciphertext };
}

/** Splits 44 random bytes into what one box needs. */
export function sealRandomness(random: Uint8Array): SealRandomness {
  if (random.length !== SEAL_RANDOMNESS_BYTES) {
    throw new RangeError(`sealing takes ${SEAL_RANDOMNESS_BYTES} random bytes, not ${random.length}`);
  }
  return { ephemeralPrivateKey: random.subarray(0, X25519_KEY_BYTES), nonce: random.subarray(X25519_KEY_BYTES) };
}

/**
 * @param privateKey X25519, 32 bytes.
 * @throws SealError when the box is not for this key and context, or was altered.
 */
export function open(privateKey: Uint8Array, box: SealedBox, context: string): Uint8Array {
  if (box.ciphertext.length < TAG_BYTES || box.nonce.length !== NONCE_BYTES) throw new SealError("no sealed box");
  try {
    const shared = x25519SharedSecret(privateKey, box.ephemeralKey);
    const key = boxKey(shared, box.ephemeralKey, x25519PublicKey(privateKey), context);
    const decipher = createDecipheriv(CIPHER, key, box.nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(box.ciphertext.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(box.ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new SealError("the sealed box is for another key or purpose, or was altered", { cause });
  }
}

/** What the secrets of one revision are sealed for, so that they cannot be passed off as those of another. */
export function secretsContext(stackId: string, revision: number): string {
  return `secrets/${stackId}/${revision}`;
}

/** What a box with credentials for registries is for. */
export function registryAuthContext(hostId: string): string {
  return `registries/${hostId}`;
}

// Both public keys go into the derivation: a box moved to another recipient gives another key.
function boxKey(shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array, context: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", shared, Buffer.concat([ephemeral, recipient]), LABEL + context, KEY_BYTES));
}
