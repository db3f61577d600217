import "reflect-metadata";
import { randomUUID, webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { newRunFolder } from "./run-folder.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

/** A certificate authority for test registries. */
export interface RegistryAuthority {
  /** PEM file with its root, for `EngineChoice.trusts`; swept away when this process has gone. */
  readonly rootFile: string;
  /** Certificate and key, PEM, of a server at an IP address. */
  serverAt(address: string): Promise<{ cert: string; key: string }>;
}

export async function createRegistryAuthority(): Promise<RegistryAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const dates = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=Test registries ${randomUUID()}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...dates,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  const rootFile = join(await newRunFolder("authority"), "root.pem");
  await writeFile(rootFile, root.toString("pem"));
  return {
    rootFile,
    serverAt: async (address) => {
      const own = await newKeys();
      const leaf = await x509.X509CertificateGenerator.create({
        subject: "CN=registry",
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...dates,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: address }])],
      });
      const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
      return { cert: leaf.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
    },
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
