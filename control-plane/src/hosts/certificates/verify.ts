import { createHash, X509Certificate } from "node:crypto";

/** What a peer certificate proves. `expired`: everything holds but the dates. */
export type CertificateVerdict =
  | { valid: true; expired: boolean; spkiSha256: Uint8Array; spki: Uint8Array; notAfter: Date }
  | { valid: false; reason: string };

// https://oidref.com/1.3.6.1.5.5.7.3.2
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * Checks a client certificate against our issuing certificates: signature, issuer, purpose, dates. The TLS layer's own
 * verdict is not used: it calls an expired certificate and a foreign one by the same name, and remembers it in resumed sessions.
 * @param issuers every issuing certificate that we ever had, in PEM: a host that was off for years may still renew
 */
export function verifyAgentCertificate(
  der: Uint8Array,
  issuers: readonly X509Certificate[],
  now: Date,
): CertificateVerdict {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(Buffer.from(der));
  } catch {
    return { valid: false, reason: "the certificate cannot be read" };
  }
  const issuer = issuers.find((candidate) => isIssuedBy(certificate, candidate));
  if (issuer === undefined) return { valid: false, reason: "the certificate was not issued by this control plane" };
  if (certificate.ca) return { valid: false, reason: "the certificate is that of an authority, not of a host" };
  if (!certificate.keyUsage?.includes(CLIENT_AUTH))
    return { valid: false, reason: "the certificate is not for clients" };
  if (now < certificate.validFromDate) return { valid: false, reason: "the certificate is not valid yet" };
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    valid: true,
    expired: now > certificate.validToDate,
    spki,
    spkiSha256: createHash("sha256").update(spki).digest(),
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
