import { KeyObject, createPublicKey, sign, verify } from "node:crypto";

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

/**
 * @param publicKey SubjectPublicKeyInfo in DER, as in the host's certificate, or what was read of it. A malformed key or signature
 * is just not valid.
 */
export function verifyHello(
  publicKey: Uint8Array | KeyObject,
  nonce: Uint8Array,
  hostId: string,
  signature: Uint8Array,
): boolean {
  try {
    const key = publicKey instanceof KeyObject ? publicKey : readKey(Buffer.from(publicKey));
    if (key.asymmetricKeyType !== "ec") return false;
    return verify("sha256", helloBytes(nonce, hostId), { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}

// What stands before the two coordinates of an uncompressed P-256 key (RFC 5480).
const P256_HEAD = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
const P256_COORDINATE_BYTES = 32;
const P256_BYTES = P256_HEAD.length + 2 * P256_COORDINATE_BYTES;

/** A key that is written as all of ours are is read by its coordinates: OpenSSL takes half as long for that. */
function readKey(spki: Buffer): KeyObject {
  if (spki.length !== P256_BYTES || !spki.subarray(0, P256_HEAD.length).equals(P256_HEAD))
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  const between = P256_HEAD.length + P256_COORDINATE_BYTES;
  const [x, y] = [spki.subarray(P256_HEAD.length, between), spki.subarray(between)];
  const jwk = { kty: "EC", crv: "P-256", x: x.toString("base64url"), y: y.toString("base64url") };
  return createPublicKey({ key: jwk, format: "jwk" });
}
