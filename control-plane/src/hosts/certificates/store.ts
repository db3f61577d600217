import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../../platform/index.ts";

export type CertificateKind = "root" | "issuing" | "server";

export interface CertificateRow {
  id: string;
  kind: CertificateKind;
  certificate_pem: string;
  /** Sealed PKCS#8 PEM; null where the key is not kept any more. */
  sealed_key: Uint8Array | null;
  /** Server certificates: the sorted names it was made for, joined by a space. */
  names: string;
  not_after: Date;
  created_at: Date;
}
interface Tables {
  certificates: CertificateRow;
}

// "cert" in ASCII. Two replicas that start at once would make two roots.
const CERTIFICATES_LOCK = 0x63657274;

/** Until the end of the transaction nobody else makes certificates. */
export async function lockCertificates(tx: UnitOfWork): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${CERTIFICATES_LOCK})`.execute(tx.queries);
}

/** Every certificate of the installation, newest first. */
export async function readCertificates(tx: UnitOfWork): Promise<CertificateRow[]> {
  return tablesOf<Tables>(tx)
    .selectFrom("certificates")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute();
}

export async function insertCertificate(tx: UnitOfWork, row: CertificateRow): Promise<void> {
  await tablesOf<Tables>(tx).insertInto("certificates").values(row).execute();
}

/** Server certificates that nothing presents any more. Roots and issuing certificates stay: old hosts are checked by them. */
export async function deleteExpiredServerCertificates(tx: UnitOfWork, now: Date): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("certificates")
    .where("kind", "=", "server")
    .where("not_after", "<", now)
    .execute();
}
