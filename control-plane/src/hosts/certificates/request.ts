import "reflect-metadata";
import { Pkcs10CertificateRequest } from "@peculiar/x509";
import { createHash, createPublicKey } from "node:crypto";
import { ProblemError } from "../../platform/index.ts";
import { hostsErrors } from "../errors.ts";

/** A host's public key: its SubjectPublicKeyInfo in DER, and the hash that names it in host_keys. */
export interface HostKey {
  spki: Uint8Array;
  spkiSha256: Uint8Array;
}

// A P-256 request with no extensions has about 200 bytes; what is larger carries something that nobody asked for.
const MAX_REQUEST_BYTES = 4096;

/** The key of a PKCS#10 request, if the request proves that its sender has the private half. All else in it is ignored. */
export async function keyOfRequest(der: Uint8Array): Promise<HostKey> {
  if (der.length === 0 || der.length > MAX_REQUEST_BYTES) {
    throw refused(`it has ${der.length} bytes; 1 to ${MAX_REQUEST_BYTES} are expected`);
  }
  let request: Pkcs10CertificateRequest;
  try {
    request = new Pkcs10CertificateRequest(Buffer.from(der));
  } catch (cause) {
    throw refused("it is not a PKCS#10 request in DER", cause);
  }
  const spki = new Uint8Array(request.publicKey.rawData);
  requireP256(spki);
  const proven = await request.verify().catch(() => false);
  if (!proven) throw refused("its signature does not match its key");
  return { spki, spkiSha256: createHash("sha256").update(spki).digest() };
}

function requireP256(spki: Uint8Array): void {
  let curve: string | undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    curve = key.asymmetricKeyDetails?.namedCurve;
  } catch (cause) {
    throw refused("its key cannot be read", cause);
  }
  if (curve !== "prime256v1") throw refused("its key is not an EC key on the curve P-256");
}

function refused(why: string, cause?: unknown): ProblemError {
  const detail = `The certificate request was refused: ${why}.`;
  return new ProblemError({ code: hostsErrors.WF_CERTIFICATE_REQUEST_INVALID, detail, cause });
}
