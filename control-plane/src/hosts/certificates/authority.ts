// @peculiar/x509 resolves its parts by decorators and needs this before it.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
} from "@peculiar/x509";
import { KeyObject, randomBytes, webcrypto } from "node:crypto";

/** A certificate and the key that belongs to it, both as text. */
export interface KeyedCertificate {
  certificatePem: string;
  /** PKCS#8. */
  privateKeyPem: string;
}

/** What a server certificate is for; IP addresses and DNS names apart, as clients compare them. */
export interface ServerNames {
  dns: readonly string[];
  addresses: readonly string[];
}

const DAY_MS = 86_400_000;
const ROOT_DAYS = 3650;
const ISSUING_DAYS = 365;
// Below the 398 days that browsers accept; renewed long before.
const SERVER_DAYS = 90;
const AGENT_DAYS = 30;
// Clocks of hosts that have just booted lag behind; a certificate that starts now would not be valid yet there.
const BACKDATE_MS = 3_600_000;
// RFC 5280 allows 20 octets; 16 are enough never to meet a serial twice.
const SERIAL_BYTES = 16;

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;

export async function createRoot(now: Date): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=WindFlow root ${randomBytes(4).toString("hex")}`,
    ...validity(now, ROOT_DAYS),
    keys,
    signingAlgorithm: SIGNATURE_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return keyed(certificate, keys.privateKey);
}

export async function createIssuing(root: KeyedCertificate, now: Date): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const certificate = await sign(root, {
    subject: `CN=WindFlow issuing ${randomBytes(4).toString("hex")}`,
    publicKey: keys.publicKey,
    now,
    days: ISSUING_DAYS,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return keyed(certificate, keys.privateKey);
}

/** A certificate for the control plane's own doors, with a new key. */
export async function createServer(
  issuing: KeyedCertificate,
  names: ServerNames,
  now: Date,
): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const alternatives = [
    ...names.dns.map((value) => ({ type: "dns" as const, value })),
    ...names.addresses.map((value) => ({ type: "ip" as const, value })),
  ];
  const certificate = await sign(issuing, {
    subject: "CN=WindFlow control plane",
    publicKey: keys.publicKey,
    now,
    days: SERVER_DAYS,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(alternatives),
    ],
  });
  return keyed(certificate, keys.privateKey);
}

/** A certificate for a host's key. Everything in it is decided here; nothing is taken from the request but the key. */
export function createAgent(
  issuing: KeyedCertificate,
  host: { organizationId: string; hostId: string; spki: Uint8Array },
  now: Date,
): Promise<string> {
  const { organizationId, hostId, spki } = host;
  return createClient(issuing, { commonName: hostId, uri: hostUri(organizationId, hostId), spki }, now);
}

/** A certificate with which a control plane asks another one. No key of a host, so that it opens nothing that hosts may open. */
export function createReplica(
  issuing: KeyedCertificate,
  replica: { replicaId: string; spki: Uint8Array },
  now: Date,
): Promise<string> {
  const { replicaId, spki } = replica;
  return createClient(issuing, { commonName: replicaId, uri: `windflow://replica/${replicaId}`, spki }, now);
}

async function createClient(
  issuing: KeyedCertificate,
  client: { commonName: string; uri: string; spki: Uint8Array },
  now: Date,
): Promise<string> {
  const publicKey = await webcrypto.subtle.importKey("spki", Buffer.from(client.spki), KEY_ALGORITHM, true, ["verify"]);
  const certificate = await sign(issuing, {
    subject: `CN=${client.commonName}`,
    publicKey,
    now,
    days: AGENT_DAYS,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: "url", value: client.uri }]),
    ],
  });
  return certificate.toString("pem");
}

/** The name that an agent's certificate carries. Shown, never trusted: identity is the key (host_keys). */
export function hostUri(organizationId: string, hostId: string): string {
  return `windflow://${organizationId}/host/${hostId}`;
}

interface SignRequest {
  subject: string;
  publicKey: webcrypto.CryptoKey;
  now: Date;
  days: number;
  extensions: Extension[];
}

async function sign(issuer: KeyedCertificate, request: SignRequest): Promise<X509Certificate> {
  const issuerCertificate = new X509Certificate(issuer.certificatePem);
  const wanted = validity(request.now, request.days);
  // A certificate that outlives its issuer would stop working before the date that it shows.
  const notAfter = wanted.notAfter < issuerCertificate.notAfter ? wanted.notAfter : issuerCertificate.notAfter;
  return X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: request.subject,
    issuer: issuerCertificate.subject,
    notBefore: wanted.notBefore,
    notAfter,
    publicKey: request.publicKey,
    signingKey: await importPrivate(issuer.privateKeyPem),
    signingAlgorithm: SIGNATURE_ALGORITHM,
    extensions: [
      ...request.extensions,
      await SubjectKeyIdentifierExtension.create(request.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuerCertificate),
    ],
  });
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - BACKDATE_MS), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;
}

// The first bit is cleared: a serial is a positive number.
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

function keyed(certificate: X509Certificate, privateKey: webcrypto.CryptoKey): KeyedCertificate {
  const privateKeyPem = KeyObject.from(privateKey).export({ type: "pkcs8", format: "pem" }) as string;
  return { certificatePem: certificate.toString("pem"), privateKeyPem };
}

function importPrivate(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  return webcrypto.subtle.importKey("pkcs8", der, KEY_ALGORITHM, false, ["sign"]);
}
