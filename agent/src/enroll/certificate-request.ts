import { type KeyObject, createPublicKey, sign } from "node:crypto";
import {
  derBitString,
  derContext0,
  derObjectIdentifier,
  derSequence,
  derSet,
  derSmallInteger,
  derUtf8,
} from "./der.ts";

const COMMON_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const MAX_COMMON_NAME = 64;

/**
 * A PKCS#10 request in DER for a P-256 key (RFC 2986). Written out here because the control plane takes nothing but the key
 * from it, and a certificate library would cost the agent more memory than the rest of its enrolment.
 * @param name for people who read the request; the control plane ignores it.
 */
export function certificateRequest(privateKey: KeyObject, name: string): Buffer {
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const subject = derSequence(
    derSet(derSequence(derObjectIdentifier(COMMON_NAME), derUtf8(name.slice(0, MAX_COMMON_NAME)))),
  );
  const requested = derSequence(derSmallInteger(0), subject, publicKey, derContext0());
  const signature = sign("sha256", requested, { key: privateKey, dsaEncoding: "der" });
  return derSequence(requested, derSequence(derObjectIdentifier(ECDSA_WITH_SHA256)), derBitString(signature));
}
