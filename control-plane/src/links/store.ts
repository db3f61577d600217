import { sql, type ColumnType, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { ClassUsage, LinkProfile, LinkReported, LinkRule } from "./model.ts";
import { inOrder } from "./plan.ts";

interface ProfilesTable {
  id: string;
  organization_id: string;
  name: string;
  rule: ColumnType<Omit<LinkRule, "name">, string, string>;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}
interface ReportsTable {
  organization_id: string;
  host_id: string;
  digest: string;
  usage: ClassUsage[];
  at: Date;
}
interface Tables {
  link_profiles: ProfilesTable;
  host_link_reports: ReportsTable;
}

export async function insertProfile(
  tx: UnitOfWork,
  { id, organizationId, rule, version }: LinkProfile,
  made: { readonly by: string; readonly at: Date },
): Promise<void> {
  const row = { id, organization_id: organizationId, version, created_by: made.by, created_at: made.at };
  await tablesOf<Tables>(tx)
    .insertInto("link_profiles")
    .values({ ...row, ...columnsOf(rule), updated_at: made.at })
    .execute();
}

/** Held until the end of the transaction. */
export async function lockProfile(tx: UnitOfWork, profileId: string): Promise<LinkProfile | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("link_profiles").selectAll().where("id", "=", profileId);
  const row = await select.forUpdate().executeTakeFirst();
  return row && profileFrom(row);
}

/** All of an organization, in the order in which they are tried. There are never more than MOST_PROFILES. */
export async function readProfiles(tx: UnitOfWork, organizationId: string): Promise<LinkProfile[]> {
  const select = tablesOf<Tables>(tx).selectFrom("link_profiles").selectAll();
  const rows = await select.where("organization_id", "=", organizationId).execute();
  return inOrder(rows.map(profileFrom));
}

/** Replaces the rule and raises the version. */
export async function updateProfile(
  tx: UnitOfWork,
  profileId: string,
  { rule, at }: { readonly rule: LinkRule; readonly at: Date },
): Promise<void> {
  const change = { ...columnsOf(rule), version: sql<number>`version + 1`, updated_at: at };
  await tablesOf<Tables>(tx).updateTable("link_profiles").set(change).where("id", "=", profileId).execute();
}

export async function deleteProfile(tx: UnitOfWork, profileId: string): Promise<void> {
  await tablesOf<Tables>(tx).deleteFrom("link_profiles").where("id", "=", profileId).execute();
}

/** What a host last told, as far as it was kept. */
export async function readReport(tx: UnitOfWork, hostId: string): Promise<LinkReported | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("host_link_reports").selectAll();
  const row = await select.where("host_id", "=", hostId).executeTakeFirst();
  return row && { digest: row.digest, usage: row.usage, at: row.at };
}

/** Those of hosts that are gone are left out. */
export async function saveReports(
  tx: UnitOfWork,
  reports: readonly (LinkReported & { readonly organizationId: string; readonly hostId: string })[],
): Promise<void> {
  if (reports.length === 0) return;
  const rows = reports.map(({ organizationId, hostId, digest, usage, at }) => ({
    organization_id: organizationId,
    host_id: hostId,
    digest,
    usage,
    at: at.toISOString(),
  }));
  await sql`INSERT INTO host_link_reports (organization_id, host_id, digest, usage, at)
    SELECT told.organization_id, told.host_id, told.digest, told.usage, told.at
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS told(organization_id text, host_id text, digest text, usage jsonb, at timestamptz)
    JOIN hosts ON hosts.organization_id = told.organization_id AND hosts.id = told.host_id
    ORDER BY told.host_id
    ON CONFLICT (organization_id, host_id) DO UPDATE SET digest = excluded.digest, usage = excluded.usage, at = excluded.at
      WHERE host_link_reports.at <= excluded.at`.execute(tx.queries);
}

function columnsOf({ name, ...rule }: LinkRule): { name: string; rule: string } {
  return { name, rule: JSON.stringify(rule) };
}

function profileFrom(row: Selectable<ProfilesTable>): LinkProfile {
  const { id, organization_id: organizationId, name, rule, version } = row;
  return { id, organizationId, rule: { name, ...rule }, version };
}
