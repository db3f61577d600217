import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ProblemError, startErrors } from "./errors.ts";

/** Seals what stands in the database or on disk and would be of use to a thief (keys, data keys of organizations). */
export interface Sealer {
  /** `context` names what the value is (`ca/issuing`): a sealed value moved to another place does not open. */
  seal(plaintext: Uint8Array, context: string): Uint8Array;
  /** Throws when the bytes, the key or the context are not those of `seal`. */
  open(sealed: Uint8Array, context: string): Uint8Array;
  /** 32 bytes that follow from the key and the label, and from which neither can be found. */
  derive(label: string): Uint8Array;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
// The first byte names the format, so that a later algorithm can stand beside this one.
const FORMAT_AES_256_GCM = 1;
const KEY_FILE = "installation.key";

/** AES-256-GCM with a random nonce: format byte, nonce, tag, ciphertext. */
export function createSealer(key: Uint8Array): Sealer {
  if (key.length !== KEY_BYTES) throw new TypeError(`a sealing key has ${KEY_BYTES} bytes, not ${key.length}`);
  return {
    derive: (label) => new Uint8Array(hkdfSync("sha256", key, "", label, KEY_BYTES)),
    seal(plaintext, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT_AES_256_GCM), nonce, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, context) {
      if (sealed[0] !== FORMAT_AES_256_GCM) throw new Error(`"${context}" is sealed in an unknown format`);
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const tag = sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
      const ciphertext = sealed.subarray(1 + NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    },
  };
}

/** Reads the installation's key (0600) from the state directory; makes it on the first start. */
export async function installationKey(stateDirectory: string): Promise<Uint8Array> {
  const path = join(stateDirectory, KEY_FILE);
  const existing = await readFile(path, "utf8").catch(() => undefined);
  if (existing === undefined) {
    await writeNewKey(path);
    return installationKey(stateDirectory);
  }
  const key = Buffer.from(existing.trim(), "base64");
  if (key.length !== KEY_BYTES) {
    throw new ProblemError({
      code: startErrors.WF_KEY_UNREADABLE,
      detail: `${path} does not hold a ${KEY_BYTES}-byte key`,
    });
  }
  return key;
}

// Written beside and linked into place: a crash leaves no half key, and of two first starts one wins.
async function writeNewKey(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString("base64")}\n`);
    await file.sync();
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

export function sha256(bytes: Uint8Array | string): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Compares secrets in a time that does not tell where they differ. */
export function equalSecrets(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** `bytes` of randomness as base64url text. */
export function randomToken(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
