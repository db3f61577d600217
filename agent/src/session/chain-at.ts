import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";

/** Leaf, issuing CA, root, and two of reserve. */
const MAX_CHAIN = 5;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Checks a server's chain at another time than the machine's clock shows: a host whose clock fell back to 1970 must still find
 * its control plane. Names, signatures and validity are checked as TLS would.
 * @param presented leaf first, as the server sent them.
 * @param atMs milliseconds since the epoch.
 * @returns why the chain does not hold, or undefined when it does.
 */
export function chainProblemAt(
  presented: readonly X509Certificate[],
  rootsPem: string,
  host: string,
  atMs: number,
): string | undefined {
  const roots = (rootsPem.match(PEM_BLOCK) ?? []).map((pem) => new X509Certificate(pem));
  const leaf = presented[0];
  if (leaf === undefined) return "the server showed no certificate";
  const named = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (named === undefined) return `the certificate is not for ${host}`;
  let current = leaf;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    if (!isValidAt(current, atMs)) return `a certificate of the chain is not valid on ${new Date(atMs).toISOString()}`;
    const root = roots.find((candidate) => issued(candidate, current));
    if (root !== undefined) return isValidAt(root, atMs) ? undefined : "the trusted root is not valid at that time";
    const issuer = presented.slice(1).find((candidate) => candidate.ca && issued(candidate, current));
    if (issuer === undefined) return "the chain does not lead to a trusted root";
    current = issuer;
  }
  return "the chain is too long";
}

/** What the server of a connection showed, leaf first. */
export function presentedChain(tls: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = tls.getPeerX509Certificate();
  while (certificate !== undefined && !chain.some((known) => known.fingerprint256 === certificate?.fingerprint256)) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function isValidAt(certificate: X509Certificate, atMs: number): boolean {
  return certificate.validFromDate.getTime() <= atMs && atMs < certificate.validToDate.getTime();
}
