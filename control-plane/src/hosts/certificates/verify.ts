import { createHash, X509Certificate, type KeyObject } from "node:crypto";
import { subjectPublicKeyInfo } from "./public-key-info.ts";

/** What a peer certificate proves. `expired`: everything holds but the dates. The key is given where it had to be read for that. */
export type CertificateVerdict =
  | { valid: true; expired: boolean; spkiSha256: Uint8Array; publicKey: KeyObject | undefined; notAfter: Date }
  | { valid: false; reason: string };

// https://oidref.com/1.3.6.1.5.5.7.3.2
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** What of a certificate does not change with time; a reason when it proves nothing. */
type Reading = { spkiSha256: Uint8Array; notBefore: Date; notAfter: Date } | { reason: string };
interface FreshReading {
  reading: Reading;
  publicKey?: KeyObject;
}

/**
 * Checks a client certificate against our issuing certificates: signature, issuer, purpose, dates. The TLS layer's own
 * verdict is not used: it calls an expired certificate and a foreign one by the same name, and remembers it in resumed sessions.
 * @param issuers every issuing certificate that we ever had: a host that was off for years may still renew
 */
export function verifyAgentCertificate(
  der: Uint8Array,
  issuers: readonly X509Certificate[],
  now: Date,
): CertificateVerdict {
  const { reading, publicKey } = readCertificate(der, issuers);
  return verdictOf(reading, publicKey, now);
}

// A host opens many streams with one certificate, and reading it costs a millisecond. Twice the hosts of a large fleet.
const REMEMBERED_CERTIFICATES = 20_000;

/** The same, remembering what it has read. */
export function createCertificateVerifier(
  issuers: readonly X509Certificate[],
): (der: Uint8Array, now: Date) => CertificateVerdict {
  const readings = new Map<string, Reading>();
  return (der, now) => {
    const fingerprint = createHash("sha256").update(der).digest("base64");
    const known = readings.get(fingerprint);
    if (known !== undefined) return verdictOf(known, undefined, now);
    const { reading, publicKey } = readCertificate(der, issuers);
    if (readings.size >= REMEMBERED_CERTIFICATES) readings.clear();
    readings.set(fingerprint, reading);
    return verdictOf(reading, publicKey, now);
  };
}

function verdictOf(reading: Reading, publicKey: KeyObject | undefined, now: Date): CertificateVerdict {
  if ("reason" in reading) return { valid: false, reason: reading.reason };
  const { spkiSha256, notBefore, notAfter } = reading;
  if (now < notBefore) return { valid: false, reason: "the certificate is not valid yet" };
  return { valid: true, expired: now > notAfter, publicKey, spkiSha256, notAfter };
}

const refused = (reason: string): FreshReading => ({ reading: { reason } });

function readCertificate(der: Uint8Array, issuers: readonly X509Certificate[]): FreshReading {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(Buffer.from(der));
  } catch {
    return refused("the certificate cannot be read");
  }
  const issuer = issuers.find((candidate) => isIssuedBy(certificate, candidate));
  if (issuer === undefined) return refused("the certificate was not issued by this control plane");
  if (certificate.ca) return refused("the certificate is that of an authority, not of a host");
  if (!certificate.keyUsage?.includes(CLIENT_AUTH)) return refused("the certificate is not for clients");
  const { publicKey, validFromDate: notBefore, validToDate: notAfter } = certificate;
  const spki = subjectPublicKeyInfo(certificate.raw) ?? publicKey.export({ type: "spki", format: "der" });
  return { reading: { spkiSha256: createHash("sha256").update(spki).digest(), notBefore, notAfter }, publicKey };
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
