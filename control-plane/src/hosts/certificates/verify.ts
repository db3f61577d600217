import { createHash, X509Certificate } from "node:crypto";

/** What a peer certificate proves. `expired`: everything holds but the dates. */
export type CertificateVerdict =
  | { valid: true; expired: boolean; spkiSha256: Uint8Array; spki: Uint8Array; notAfter: Date }
  | { valid: false; reason: string };

// https://oidref.com/1.3.6.1.5.5.7.3.2
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** What of a certificate does not change with time; a reason when it proves nothing. */
type Reading = { spki: Uint8Array; spkiSha256: Uint8Array; notBefore: Date; notAfter: Date } | { reason: string };

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
  return verdictOf(readCertificate(der, issuers), now);
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
    let reading = readings.get(fingerprint);
    if (reading === undefined) {
      reading = readCertificate(der, issuers);
      if (readings.size >= REMEMBERED_CERTIFICATES) readings.clear();
      readings.set(fingerprint, reading);
    }
    return verdictOf(reading, now);
  };
}

function verdictOf(reading: Reading, now: Date): CertificateVerdict {
  if ("reason" in reading) return { valid: false, reason: reading.reason };
  const { spki, spkiSha256, notBefore, notAfter } = reading;
  if (now < notBefore) return { valid: false, reason: "the certificate is not valid yet" };
  return { valid: true, expired: now > notAfter, spki, spkiSha256, notAfter };
}

function readCertificate(der: Uint8Array, issuers: readonly X509Certificate[]): Reading {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(Buffer.from(der));
  } catch {
    return { reason: "the certificate cannot be read" };
  }
  const issuer = issuers.find((candidate) => isIssuedBy(certificate, candidate));
  if (issuer === undefined) return { reason: "the certificate was not issued by this control plane" };
  if (certificate.ca) return { reason: "the certificate is that of an authority, not of a host" };
  if (!certificate.keyUsage?.includes(CLIENT_AUTH)) return { reason: "the certificate is not for clients" };
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    spki,
    spkiSha256: createHash("sha256").update(spki).digest(),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
