import { sql, type Selectable } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFacts, Labels } from "./model.ts";
import { hostsTables, type HostsTable } from "./tables.ts";

/** A host found by its key. */
export type KeyedHost = Pick<
  Selectable<HostsTable>,
  | "id"
  | "organization_id"
  | "name"
  | "enrollment_token_id"
  | "awaiting_approval"
  | "revoked_at"
  | "revocation_reason"
  | "quarantined_at"
  | "quarantine_reason"
  | "enrolled_at"
  | "last_seen_at"
  | "sealing_key"
> & { spki: Uint8Array; key_revoked_at: Date | null };

/** The host that a key belongs to, in whichever organization. The only way from a certificate to a host. */
export async function readHostByKey(tx: UnitOfWork, spkiSha256: Uint8Array): Promise<KeyedHost | undefined> {
  return (await readHostsByKeys(tx, [spkiSha256]))[0];
}

/** The same for many keys, in their order. */
export async function readHostsByKeys(tx: UnitOfWork, keys: readonly Uint8Array[]): Promise<(KeyedHost | undefined)[]> {
  const rows = await hostsTables(tx)
    .selectFrom("host_keys")
    .innerJoin("hosts", (join) =>
      join.onRef("hosts.id", "=", "host_keys.host_id").onRef("hosts.organization_id", "=", "host_keys.organization_id"),
    )
    .select([
      "hosts.id",
      "hosts.organization_id",
      "hosts.name",
      "hosts.enrollment_token_id",
      "hosts.awaiting_approval",
      "hosts.revoked_at",
      "hosts.revocation_reason",
      "hosts.quarantined_at",
      "hosts.quarantine_reason",
      "hosts.enrolled_at",
      "hosts.last_seen_at",
      "hosts.sealing_key",
      "host_keys.spki",
      "host_keys.spki_sha256",
      "host_keys.revoked_at as key_revoked_at",
    ])
    .where(sql<boolean>`host_keys.spki_sha256 = ANY(${keys.map((key) => Buffer.from(key))}::bytea[])`)
    .execute();
  const byKey = new Map(rows.map(({ spki_sha256, ...host }) => [Buffer.from(spki_sha256).toString("hex"), host]));
  return keys.map((key) => byKey.get(Buffer.from(key).toString("hex")));
}

// "host" in ASCII: the first half of the key under which an organization's host names are handed out one at a time.
const NAMES_LOCK = 0x686f7374;

/** Names of the organization's hosts that begin with `base`; nobody else adds one until the end of the transaction. */
export async function lockNames(tx: UnitOfWork, organizationId: string, base: string): Promise<Set<string>> {
  await sql`SELECT pg_advisory_xact_lock(${NAMES_LOCK}, hashtext(${organizationId}))`.execute(tx.queries);
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select("name")
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`starts_with(name, ${base})`)
    .execute();
  return new Set(rows.map((row) => row.name));
}

export interface NewHost {
  id: string;
  organizationId: string;
  environmentId: string;
  name: string;
  labels: Labels;
  requestedLabels: Labels;
  facts: HostFacts;
  capabilities: string[];
  agentVersion: string;
  sealingKey: Uint8Array;
  tokenId: string;
  enrolledAt: Date;
  certificateExpiresAt: Date;
  awaitingApproval: boolean;
  presenceCause: string;
  spki: Uint8Array;
  spkiSha256: Uint8Array;
}

export async function insertHost(tx: UnitOfWork, host: NewHost): Promise<void> {
  const tables = hostsTables(tx);
  await tables
    .insertInto("hosts")
    .values({
      id: host.id,
      organization_id: host.organizationId,
      environment_id: host.environmentId,
      name: host.name,
      labels: JSON.stringify(host.labels),
      requested_labels: JSON.stringify(host.requestedLabels),
      facts: JSON.stringify(host.facts),
      capabilities: host.capabilities,
      agent_version: host.agentVersion,
      sealing_key: host.sealingKey,
      enrollment_token_id: host.tokenId,
      enrolled_at: host.enrolledAt,
      certificate_expires_at: host.certificateExpiresAt,
      awaiting_approval: host.awaitingApproval,
      quarantined_at: null,
      quarantine_reason: null,
      revoked_at: null,
      revocation_reason: null,
      presence: "never-seen",
      presence_since: host.enrolledAt,
      presence_cause: host.presenceCause,
      last_seen_at: null,
      session_replica: null,
      session_opened_at: null,
      session_closed_at: null,
      session_end_cause: null,
    })
    .execute();
  await tables
    .insertInto("host_keys")
    .values({
      spki_sha256: host.spkiSha256,
      organization_id: host.organizationId,
      host_id: host.id,
      spki: host.spki,
      created_at: host.enrolledAt,
      revoked_at: null,
    })
    .execute();
}

/** What a certificate that was given out changes in the host's row. */
export async function saveCertificate(
  tx: UnitOfWork,
  host: { organizationId: string; hostId: string },
  certificate: { expiresAt: Date; sealingKey?: Uint8Array },
): Promise<void> {
  await hostsTables(tx)
    .updateTable("hosts")
    .set({
      certificate_expires_at: certificate.expiresAt,
      ...(certificate.sealingKey === undefined ? {} : { sealing_key: certificate.sealingKey }),
    })
    .where("organization_id", "=", host.organizationId)
    .where("id", "=", host.hostId)
    .execute();
}
