import { X509Certificate } from "node:crypto";
import {
  sha256Hex,
  type Clock,
  type Database,
  type Log,
  type NewId,
  type Sealer,
  type UnitOfWork,
} from "../../platform/index.ts";
import {
  createAgent,
  createIssuing,
  createReplica,
  createRoot,
  createServer,
  type KeyedCertificate,
  type ServerNames,
} from "./authority.ts";
import {
  deleteExpiredServerCertificates,
  insertCertificate,
  lockCertificates,
  readCertificates,
  type CertificateKind,
  type CertificateRow,
} from "./store.ts";
import { createCertificateVerifier, type CertificateVerdict } from "./verify.ts";

/** The certificate and key that the control plane's TLS doors present. */
export interface ServerCertificate {
  /** Leaf first, then the issuing certificate. */
  certificateChainPem: string;
  privateKeyPem: string;
  notAfter: Date;
}

/** The installation's certificate authority. */
export interface Certificates {
  server(): ServerCertificate;
  /** Calls `handler` when the server certificate was renewed. Returns how to stop. */
  onServerCertificate(handler: (certificate: ServerCertificate) => void): () => void;
  /** The roots that agents must trust; exactly the bytes of GET /install/ca.pem. */
  rootsPem(): string;
  /** Hex sha256 of `rootsPem()`, for the line that a person pastes. */
  rootsSha256(): string;
  /** Leaf first, PEM. */
  issueAgent(host: {
    organizationId: string;
    hostId: string;
    spki: Uint8Array;
  }): Promise<{ chainPem: string; notAfter: Date }>;
  /** For another control plane on the same database. Leaf first, PEM. */
  issueReplica(replica: { replicaId: string; spki: Uint8Array }): Promise<{ chainPem: string }>;
  /** Checks any client certificate of ours; whose key it is, host_keys or session_replicas say. */
  verifyAgent(der: Uint8Array): CertificateVerdict;
  close(): Promise<void>;
}

interface Parts {
  database: Database;
  sealer: Sealer;
  clock: Clock;
  log: Log;
  newId: NewId;
  names: ServerNames;
}

const DAY_MS = 86_400_000;
// An issuing certificate must outlive every agent certificate (30 days) that it signs, with time to notice a failure.
const ISSUING_RENEW_MS = 90 * DAY_MS;
const SERVER_RENEW_MS = 30 * DAY_MS;
const CHECK_EVERY_MS = 6 * 3_600_000;

interface Held {
  roots: KeyedCertificate[];
  issuing: KeyedCertificate;
  verify: (der: Uint8Array, now: Date) => CertificateVerdict;
  server: ServerCertificate;
}

/** Reads the authority from the database, makes what is missing, and keeps the server certificate fresh. */
export async function openCertificates(parts: Parts): Promise<Certificates> {
  const { clock, log } = parts;
  const handlers = new Set<(certificate: ServerCertificate) => void>();
  const closing = new AbortController();
  let held = await hold(parts);
  const loop = keepFresh();

  async function keepFresh(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(CHECK_EVERY_MS, closing.signal).catch(() => undefined);
      if (closing.signal.aborted) return;
      try {
        const before = held.server.certificateChainPem;
        held = await hold(parts);
        if (held.server.certificateChainPem !== before) for (const handler of handlers) handler(held.server);
      } catch (error) {
        log.error({ err: error }, "The certificates could not be renewed; it is tried again.");
      }
    }
  }

  const rootsPem = (): string => held.roots.map((root) => root.certificatePem.trimEnd() + "\n").join("");
  return {
    server: () => held.server,
    onServerCertificate: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    rootsPem,
    rootsSha256: () => sha256Hex(rootsPem()),
    issueAgent: async (host) => {
      const leaf = await createAgent(held.issuing, host, clock.now());
      return { chainPem: joinPem(leaf, held.issuing.certificatePem), notAfter: new X509Certificate(leaf).validToDate };
    },
    issueReplica: async (replica) => {
      const leaf = await createReplica(held.issuing, replica, clock.now());
      return { chainPem: joinPem(leaf, held.issuing.certificatePem) };
    },
    verifyAgent: (der) => held.verify(der, clock.now()),
    close: async () => {
      closing.abort();
      await loop;
    },
  };
}

function hold(parts: Parts): Promise<Held> {
  return parts.database.asSystem(async (tx) => {
    await lockCertificates(tx);
    const now = parts.clock.now();
    await deleteExpiredServerCertificates(tx, now);
    const rows = await readCertificates(tx);
    const roots = rows.filter((row) => row.kind === "root" && row.not_after > now).map((row) => opened(parts, row));
    const root = roots[0] ?? (await make(parts, tx, "root", "", () => createRoot(now)));
    const issuing =
      usable(parts, rows, "issuing", "", ISSUING_RENEW_MS) ??
      (await make(parts, tx, "issuing", "", () => createIssuing(root, now)));
    const names = [...parts.names.dns, ...parts.names.addresses].toSorted().join(" ");
    const server =
      usable(parts, rows, "server", names, SERVER_RENEW_MS) ??
      (await make(parts, tx, "server", names, () => createServer(issuing, parts.names, now)));
    const all = [
      ...rows.filter((row) => row.kind === "issuing").map((row) => row.certificate_pem),
      issuing.certificatePem,
    ];
    return {
      roots: roots.length > 0 ? roots : [root],
      issuing,
      verify: createCertificateVerifier([...new Set(all)].map((pem) => new X509Certificate(pem))),
      server: {
        certificateChainPem: joinPem(server.certificatePem, issuerOf(server, rows, issuing)),
        privateKeyPem: server.privateKeyPem,
        notAfter: new X509Certificate(server.certificatePem).validToDate,
      },
    };
  });
}

function usable(
  parts: Parts,
  rows: readonly CertificateRow[],
  kind: CertificateKind,
  names: string,
  renewMs: number,
): KeyedCertificate | undefined {
  const limit = parts.clock.now().getTime() + renewMs;
  const row = rows.find((one) => one.kind === kind && one.names === names && one.not_after.getTime() > limit);
  return row && opened(parts, row);
}

// The server certificate may have been signed by the issuing certificate before the present one.
function issuerOf(server: KeyedCertificate, rows: readonly CertificateRow[], issuing: KeyedCertificate): string {
  const leaf = new X509Certificate(server.certificatePem);
  const row = rows.find((one) => one.kind === "issuing" && leaf.checkIssued(new X509Certificate(one.certificate_pem)));
  return row?.certificate_pem ?? issuing.certificatePem;
}

function opened(parts: Parts, row: CertificateRow): KeyedCertificate {
  if (row.sealed_key === null) throw new Error(`the key of the certificate ${row.id} is not kept here`);
  const privateKeyPem = Buffer.from(parts.sealer.open(row.sealed_key, sealContext(row.kind, row.id))).toString("utf8");
  return { certificatePem: row.certificate_pem, privateKeyPem };
}

async function make(
  parts: Parts,
  tx: UnitOfWork,
  kind: CertificateKind,
  names: string,
  create: () => Promise<KeyedCertificate>,
): Promise<KeyedCertificate> {
  const made = await create();
  const id = parts.newId("crt");
  const sealed = parts.sealer.seal(Buffer.from(made.privateKeyPem), sealContext(kind, id));
  await insertCertificate(tx, {
    id,
    kind,
    certificate_pem: made.certificatePem,
    sealed_key: Buffer.from(sealed),
    names,
    not_after: new X509Certificate(made.certificatePem).validToDate,
    created_at: parts.clock.now(),
  });
  parts.log.info({ kind, name: names }, "A certificate was made.");
  return made;
}

function sealContext(kind: CertificateKind, id: string): string {
  return `certificates/${kind}/${id}`;
}

function joinPem(...pems: string[]): string {
  return pems.map((pem) => pem.trimEnd() + "\n").join("");
}
