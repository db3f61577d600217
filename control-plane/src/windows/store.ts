import { sql, type ColumnType, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { MaintenanceWindow, WindowRule } from "./model.ts";

interface WindowsTable {
  id: string;
  organization_id: string;
  name: string;
  rule: ColumnType<Omit<WindowRule, "name">, string, string>;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}
interface Tables {
  maintenance_windows: WindowsTable;
}

export async function insertWindow(
  tx: UnitOfWork,
  { id, organizationId, rule, version }: MaintenanceWindow,
  made: { readonly by: string; readonly at: Date },
): Promise<void> {
  const { name, ...rest } = rule;
  await tablesOf<Tables>(tx)
    .insertInto("maintenance_windows")
    .values({
      id,
      organization_id: organizationId,
      name,
      rule: JSON.stringify(rest),
      version,
      created_by: made.by,
      created_at: made.at,
      updated_at: made.at,
    })
    .execute();
}

/** @param lock holds the row until the end of the transaction */
export async function readWindow(
  tx: UnitOfWork,
  windowId: string,
  lock: "lock" | "look",
): Promise<MaintenanceWindow | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("maintenance_windows").selectAll().where("id", "=", windowId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : windowOf(row);
}

/** All of the organization, by name: there are never more than MOST_WINDOWS. */
export async function readWindows(tx: UnitOfWork): Promise<MaintenanceWindow[]> {
  if (tx.organizationId === undefined) throw new TypeError("windows are read in a unit of work of one organization");
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("maintenance_windows")
    .selectAll()
    .where("organization_id", "=", tx.organizationId)
    .orderBy("name")
    .execute();
  return rows.map(windowOf);
}

/** Replaces the rule and raises the version. */
export async function updateWindow(
  tx: UnitOfWork,
  windowId: string,
  { rule, at }: { readonly rule: WindowRule; readonly at: Date },
): Promise<void> {
  const { name, ...rest } = rule;
  await tablesOf<Tables>(tx)
    .updateTable("maintenance_windows")
    .set({ name, rule: JSON.stringify(rest), version: sql`version + 1`, updated_at: at })
    .where("id", "=", windowId)
    .execute();
}

export async function deleteWindow(tx: UnitOfWork, windowId: string): Promise<void> {
  await tablesOf<Tables>(tx).deleteFrom("maintenance_windows").where("id", "=", windowId).execute();
}

function windowOf(row: Selectable<WindowsTable>): MaintenanceWindow {
  const { id, organization_id: organizationId, name, rule, version } = row;
  return { id, organizationId, rule: { name, ...rule }, version };
}
