import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A host's key with the request for its certificate, made in well under a millisecond. */
export interface HostKey {
  readonly privateKeyPem: string;
  /** PKCS#10, DER. */
  readonly request: Buffer;
  readonly sealingKey: Buffer;
}

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
// INTEGER 0, an empty name; the control plane takes nothing but the key from a request.
const VERSION_AND_NAME = Buffer.from([0x02, 0x01, 0x00, SEQUENCE, 0x00]);
const NO_ATTRIBUTES = Buffer.from([0xa0, 0x00]);
// ecdsa-with-SHA256 (RFC 5758).
const ALGORITHM = Buffer.from("300a06082a8648ce3d040302", "hex");
const SEALING_KEY_BYTES = 32;

export function newHostKey(): HostKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const info = der(SEQUENCE, VERSION_AND_NAME, spki, NO_ATTRIBUTES);
  const signature = der(BIT_STRING, Buffer.from([0]), sign("sha256", info, privateKey));
  return {
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    request: der(SEQUENCE, info, ALGORITHM, signature),
    sealingKey: randomBytes(SEALING_KEY_BYTES),
  };
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
