import "reflect-metadata";
import { webcrypto, X509Certificate } from "node:crypto";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { createAgent, createIssuing, createRoot, createServer } from "./authority.ts";
import { keyOfRequest } from "./request.ts";
import { verifyAgentCertificate } from "./verify.ts";

const now = new Date("2026-11-22T12:00:00Z");
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const P256 = { name: "ECDSA", namedCurve: "P-256" };

async function request(algorithm: { name: string; namedCurve: string } = P256): Promise<Uint8Array> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const made = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=administrator, O=somebody else",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  return new Uint8Array(made.rawData);
}

describe("the certificate authority", () => {
  it("issues a chain that holds, for the names asked for", async () => {
    const root = await createRoot(now);
    const issuing = await createIssuing(root, now);
    const server = await createServer(
      issuing,
      { dns: ["localhost", "wf.example"], addresses: ["127.0.0.1", "::1"] },
      now,
    );
    const [rootCertificate, issuingCertificate, leaf] = [root, issuing, server].map(
      (one) => new X509Certificate(one.certificatePem),
    );
    expect(rootCertificate!.ca && issuingCertificate!.ca).toBe(true);
    expect(issuingCertificate!.verify(rootCertificate!.publicKey)).toBe(true);
    expect(leaf!.verify(issuingCertificate!.publicKey)).toBe(true);
    expect(leaf!.subjectAltName).toBe(
      "DNS:localhost, DNS:wf.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(leaf!.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(rootCertificate!.validToDate).toEqual(later(3650));
    expect(issuingCertificate!.validToDate).toEqual(later(365));
  });

  it("takes nothing from a request but its key", async () => {
    const issuing = await createIssuing(await createRoot(now), now);
    const key = await keyOfRequest(await request());
    const pem = await createAgent(issuing, { organizationId: "org_1", hostId: "hst_1", spki: key.spki }, now);
    const leaf = new X509Certificate(pem);
    expect(leaf.subject).toBe("CN=hst_1");
    expect(leaf.subjectAltName).toBe("URI:windflow://org_1/host/hst_1");
    expect(leaf.validToDate).toEqual(later(30));
    const verdict = verifyAgentCertificate(leaf.raw, [new X509Certificate(issuing.certificatePem)], now);
    expect(verdict).toMatchObject({ valid: true, expired: false, spkiSha256: key.spkiSha256 });
  });

  it("never issues a certificate that outlives its issuer", async () => {
    const issuing = await createIssuing(await createRoot(now), now);
    const key = await keyOfRequest(await request());
    const pem = await createAgent(issuing, { organizationId: "org_1", hostId: "hst_1", spki: key.spki }, later(350));
    expect(new X509Certificate(pem).validToDate).toEqual(later(365));
  });

  it.each([
    ["an empty one", async () => new Uint8Array()],
    ["bytes that are no request", async () => new Uint8Array([48, 3, 2, 1, 0])],
    ["one of 5 kB", async () => new Uint8Array(5000)],
    ["a key on another curve", () => request({ name: "ECDSA", namedCurve: "P-384" })],
    [
      "one whose signature is another's",
      async () => {
        const bytes = Buffer.from(await request());
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
        return bytes;
      },
    ],
  ])("refuses %s", async (_what, make) => {
    await expect(keyOfRequest(await make())).rejects.toMatchObject({
      code: { code: "WF_CERTIFICATE_REQUEST_INVALID" },
    });
  });
});

describe("verifying an agent's certificate", () => {
  it("says expired apart from invalid, and refuses foreign, forged and server certificates", async () => {
    const issuing = await createIssuing(await createRoot(now), now);
    const issuers = [new X509Certificate(issuing.certificatePem)];
    const key = await keyOfRequest(await request());
    const host = { organizationId: "org_1", hostId: "hst_1", spki: key.spki };
    const good = new X509Certificate(await createAgent(issuing, host, now)).raw;
    expect(verifyAgentCertificate(good, issuers, later(31))).toMatchObject({ valid: true, expired: true });
    expect(verifyAgentCertificate(good, issuers, later(-1))).toMatchObject({ valid: false, reason: /not valid yet/u });

    const foreign = await createIssuing(await createRoot(now), now);
    const theirs = new X509Certificate(await createAgent(foreign, host, now)).raw;
    expect(verifyAgentCertificate(theirs, issuers, now)).toMatchObject({ valid: false, reason: /not issued/u });

    // The issuer's name copied, the signature another's.
    const named = { ...foreign, certificatePem: issuing.certificatePem };
    const forged = new X509Certificate(await createAgent(named, host, now)).raw;
    expect(verifyAgentCertificate(forged, issuers, now)).toMatchObject({ valid: false, reason: /not issued/u });

    const server = await createServer(issuing, { dns: ["localhost"], addresses: [] }, now);
    const serverDer = new X509Certificate(server.certificatePem).raw;
    expect(verifyAgentCertificate(serverDer, issuers, now)).toMatchObject({ valid: false, reason: /not for clients/u });
    expect(verifyAgentCertificate(issuers[0]!.raw, issuers, now)).toMatchObject({ valid: false });
    expect(verifyAgentCertificate(new Uint8Array(10), issuers, now)).toMatchObject({ valid: false });
  });
});
