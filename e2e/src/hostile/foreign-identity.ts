import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

/** A key and a chain that look like an agent's, issued by an authority that nobody here knows. */
export async function foreignIdentity(): Promise<{ key: string; chain: string }> {
  const authority = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = Date.now();
  const valid = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS), signingAlgorithm: ALGORITHM };
  const root = await X509CertificateGenerator.createSelfSigned({
    ...valid,
    name: "CN=Elsewhere",
    serialNumber: "01",
    keys: authority,
  });
  const leaf = await X509CertificateGenerator.create({
    ...valid,
    subject: "CN=host1",
    issuer: root.subject,
    serialNumber: "02",
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
  });
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { key: PemConverter.encode(der, "PRIVATE KEY"), chain: `${leaf.toString("pem")}\n${root.toString("pem")}\n` };
}

/** A sound certificate request (PKCS#10, DER) of a fresh key: what a real agent sends with its token. */
export async function certificateRequest(): Promise<Uint8Array> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const made = await Pkcs10CertificateRequestGenerator.create({ name: "CN=host1", keys, signingAlgorithm: ALGORITHM });
  return new Uint8Array(made.rawData);
}
