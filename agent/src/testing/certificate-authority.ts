import "reflect-metadata";
import { randomUUID, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface TestAuthority {
  /** PEM. */
  readonly root: string;
  /** Leaf for a server on loopback, with its private key. */
  server(validity?: { from: Date; until: Date }): Promise<{ cert: string; key: string }>;
  /** Certificate for the key of a PKCS#10 request in DER. */
  sign(request: Uint8Array, validity?: { from: Date; until: Date }): Promise<string>;
}

/** A root of its own for each test: nothing of one control plane is trusted by the agent of another. */
export async function createTestAuthority(rootValidity?: { from: Date; until: Date }): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const dates = (validity?: { from: Date; until: Date }): { notBefore: Date; notAfter: Date } => ({
    notBefore: validity?.from ?? new Date(Date.now() - DAY_MS),
    notAfter: validity?.until ?? new Date(Date.now() + 30 * DAY_MS),
  });
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Test root ${randomUUID()}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...dates(rootValidity),
    extensions: [new x509.BasicConstraintsExtension(true, 2, true)],
  });
  return {
    root: root.toString("pem"),
    server: async (validity) => {
      const own = await newKeys();
      const leaf = await x509.X509CertificateGenerator.create({
        subject: "CN=control plane",
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...dates(validity),
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: "ip", value: "127.0.0.1" },
            { type: "dns", value: "localhost" },
          ]),
        ],
      });
      const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
      return { cert: leaf.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
    },
    sign: async (request, validity) => {
      const csr = new x509.Pkcs10CertificateRequest(Uint8Array.from(request));
      if (!(await csr.verify())) throw new Error("the request's signature does not hold");
      const leaf = await x509.X509CertificateGenerator.create({
        subject: "CN=host",
        issuer: root.subject,
        publicKey: csr.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...dates(validity),
      });
      return leaf.toString("pem");
    },
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
