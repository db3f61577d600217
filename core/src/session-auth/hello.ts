import { type KeyObject, createPublicKey, sign, verify } from "node:crypto";

const LABEL = "windflow-hello-v1\0";

/**
 * What the agent signs with its host key in each new session: proof of the key to the control plane itself, which holds
 * also where a proxy ended the TLS connection. The label keeps the signature from meaning anything elsewhere.
 */
export function helloBytes(nonce: Uint8Array, hostId: string): Uint8Array {
  return Buffer.concat([Buffer.from(LABEL), nonce, Buffer.from(hostId)]);
}

/** ECDSA P-256 with SHA-256, 64 bytes (IEEE P1363). */
export function signHello(privateKey: KeyObject, nonce: Uint8Array, hostId: string): Uint8Array {
  return sign("sha256", helloBytes(nonce, hostId), { key: privateKey, dsaEncoding: "ieee-p1363" });
}

/** @param publicKey SubjectPublicKeyInfo in DER, as in the host's certificate. A malformed key or signature is just not valid. */
export function verifyHello(publicKey: Uint8Array, nonce: Uint8Array, hostId: string, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    if (key.asymmetricKeyType !== "ec") return false;
    return verify("sha256", helloBytes(nonce, hostId), { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}
