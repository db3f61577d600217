import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from "node:crypto";

const LABEL = "windflow-layer-v1\0";
const SIGNATURE_BYTES = 64;
const EXPIRY_BYTES = 8;
const SEED_BYTES = 32;
// RFC 8410: what stands before the 32 bytes of an Ed25519 key in DER.
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** What a ticket says: the host with this key may have the layer until then. */
export interface LayerTicketClaim {
  readonly organizationId: string;
  /** SHA-256 of the subject public key info of the host's certificate. */
  readonly keySha256: Uint8Array;
  /** `sha256:…` of the layer as it travels. */
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Signs tickets of one organization. The key follows from the secret, so that every control plane has the same. */
export interface TicketSigner {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Expiry (8 bytes, big-endian), then the signature (64 bytes). */
  sign(claim: Omit<LayerTicketClaim, "organizationId">): Uint8Array;
}

/** @param secret of the installation; at least 32 random bytes */
export function ticketSigner(secret: Uint8Array, organizationId: string): TicketSigner {
  const seed = Buffer.from(hkdfSync("sha256", secret, organizationId, LABEL, SEED_BYTES));
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(PUBLIC_PREFIX.length);
  return {
    publicKey,
    sign: (claim) => {
      const expiry = expiryBytes(claim.expiresAt);
      return Buffer.concat([expiry, sign(null, claimBytes({ ...claim, organizationId }), key)]);
    },
  };
}

/** Whether a ticket is for this host and layer, and not over. Malformed ones are just not valid. */
export function verifyTicket(
  publicKey: Uint8Array,
  ticket: Uint8Array,
  claim: Omit<LayerTicketClaim, "expiresAt"> & { readonly now: number },
): boolean {
  if (ticket.length !== EXPIRY_BYTES + SIGNATURE_BYTES || publicKey.length !== SEED_BYTES) return false;
  const expiresAt = Number(Buffer.from(ticket.subarray(0, EXPIRY_BYTES)).readBigUInt64BE());
  if (expiresAt <= claim.now) return false;
  try {
    const key: KeyObject = createPublicKey({
      key: Buffer.concat([PUBLIC_PREFIX, publicKey]),
      format: "der",
      type: "spki",
    });
    return verify(null, claimBytes({ ...claim, expiresAt }), key, ticket.subarray(EXPIRY_BYTES));
  } catch {
    return false;
  }
}

function claimBytes({ organizationId, keySha256, digest, expiresAt }: LayerTicketClaim): Uint8Array {
  return Buffer.concat([Buffer.from(`${LABEL}${organizationId}\0${digest}\0`), keySha256, expiryBytes(expiresAt)]);
}

function expiryBytes(at: number): Buffer {
  const bytes = Buffer.alloc(EXPIRY_BYTES);
  bytes.writeBigUInt64BE(BigInt(at));
  return bytes;
}
