import { X509Certificate, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import {
  derBitString,
  derBoolean,
  derContext0,
  derContext3,
  derIpName,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSet,
  derSmallInteger,
  derUtcTime,
  derUtf8,
} from "../enroll/der.ts";

const COMMON_NAME = "2.5.4.3";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const VERSION_3 = 2;
const HOUR_MS = 3_600_000;
const LOOPBACK = [127, 0, 0, 1];

/** PEM of both. */
export interface OwnCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A certificate for 127.0.0.1 that is its own authority, for an hour before and after `nowMs` (RFC 5280). */
export function ownCertificate(nowMs: number): OwnCertificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const algorithm = derSequence(derObjectIdentifier(ECDSA_WITH_SHA256));
  const name = derSequence(derSet(derSequence(derObjectIdentifier(COMMON_NAME), derUtf8("windflow self-test"))));
  const extension = (id: string, content: Buffer): Buffer =>
    derSequence(derObjectIdentifier(id), derBoolean(true), derOctetString(content));
  const signed = derSequence(
    derContext0(derSmallInteger(VERSION_3)),
    derSmallInteger(1),
    algorithm,
    name,
    derSequence(derUtcTime(nowMs - HOUR_MS), derUtcTime(nowMs + HOUR_MS)),
    name,
    publicKey,
    derContext3(
      derSequence(
        extension(BASIC_CONSTRAINTS, derSequence(derBoolean(true))),
        extension(SUBJECT_ALTERNATIVE_NAME, derSequence(derIpName(LOOPBACK))),
      ),
    ),
  );
  const signature = sign("sha256", signed, { key: privateKey, dsaEncoding: "der" });
  const certificate = new X509Certificate(derSequence(signed, algorithm, derBitString(signature)));
  return {
    certificate: certificate.toString(),
    privateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
  };
}
