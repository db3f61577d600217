import { type KeyObject, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { x25519PublicKey } from "@windflow/core";
import { AgentError } from "../errors.ts";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";

export const HOST_KEY_FILE = "host-key.pem";
export const SEALING_KEY_FILE = "sealing-key.pem";
/** Raw private key at the end of its PKCS#8 form. */
const X25519_BYTES = 32;

/** What makes this host itself. Born here; neither private half ever leaves. */
export interface HostKeys {
  /** P-256; identity in TLS and in Hello. */
  readonly hostKey: KeyObject;
  readonly hostKeyPem: string;
  /** X25519, raw; secrets are sealed to its public half. A key of its own, since a TLS key that decrypts is two roles in one. */
  readonly sealingPrivateKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
}

/** The keys in the folder, made there at the first call. @throws AgentError WF_STATE_UNREADABLE */
export function loadOrCreateHostKeys(folder: string): HostKeys {
  const hostKeyPem = keyFile(
    join(folder, HOST_KEY_FILE),
    () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  );
  const sealingKeyPem = keyFile(join(folder, SEALING_KEY_FILE), () => generateKeyPairSync("x25519").privateKey);
  try {
    const sealing = createPrivateKey(sealingKeyPem).export({ format: "der", type: "pkcs8" });
    const sealingPrivateKey = new Uint8Array(sealing.subarray(-X25519_BYTES));
    return {
      hostKey: createPrivateKey(hostKeyPem),
      hostKeyPem,
      sealingPrivateKey,
      sealingPublicKey: x25519PublicKey(sealingPrivateKey),
    };
  } catch (cause) {
    throw new AgentError(
      "WF_STATE_UNREADABLE",
      `A key of this host in ${folder} cannot be read. Restore it, or remove the folder and enrol the host again.`,
      { cause },
    );
  }
}

function keyFile(path: string, create: () => KeyObject): string {
  const existing = readIfThere(path);
  if (existing !== undefined) return existing.toString();
  const pem = create().export({ format: "pem", type: "pkcs8" }).toString();
  writeDurably(path, pem);
  return pem;
}
