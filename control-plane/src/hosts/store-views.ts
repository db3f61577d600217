import { sql, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface SavedViewsTable {
  id: string;
  organization_id: string;
  owner_id: string;
  created_by: string;
  list: string;
  name: string;
  filter: string;
  order_by: string;
  group_by: string;
  shared: boolean;
  saved_at: Date;
}
interface Tables {
  saved_views: SavedViewsTable;
}

/** A filter, an order and a grouping under a name. */
export interface SavedView {
  readonly id: string;
  readonly organizationId: string;
  readonly ownerId: string;
  readonly createdBy: string;
  /** Which list it is of, e.g. "hosts". */
  readonly list: string;
  readonly name: string;
  readonly filter: string;
  readonly orderBy: string;
  readonly groupBy: string;
  /** Everybody in the organization sees it. */
  readonly shared: boolean;
  readonly savedAt: Date;
}

export async function listViews(
  tx: UnitOfWork,
  query: { readonly ownerId: string; readonly list: string },
): Promise<SavedView[]> {
  let select = tablesOf<Tables>(tx)
    .selectFrom("saved_views")
    .selectAll()
    .where((eb) => eb.or([eb("owner_id", "=", query.ownerId), eb("shared", "=", true)]));
  if (query.list !== "") select = select.where("list", "=", query.list);
  const rows = await select.orderBy("name").orderBy("id").execute();
  return rows.map(viewOf);
}

export async function readView(tx: UnitOfWork, id: string): Promise<SavedView | undefined> {
  const row = await tablesOf<Tables>(tx).selectFrom("saved_views").selectAll().where("id", "=", id).executeTakeFirst();
  return row && viewOf(row);
}

export async function readViewByName(
  tx: UnitOfWork,
  place: { readonly ownerId: string; readonly list: string; readonly name: string },
): Promise<SavedView | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("saved_views")
    .selectAll()
    .where("owner_id", "=", place.ownerId)
    .where("list", "=", place.list)
    .where("name", "=", place.name)
    .executeTakeFirst();
  return row && viewOf(row);
}

export async function countViews(tx: UnitOfWork, ownerId: string): Promise<number> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("saved_views")
    .select(sql<bigint>`count(*)`.as("total"))
    .where("owner_id", "=", ownerId)
    .executeTakeFirstOrThrow();
  return Number(row.total);
}

/** Makes the view, or changes the one with its id. */
export async function writeView(tx: UnitOfWork, view: SavedView): Promise<void> {
  const changing = {
    list: view.list,
    name: view.name,
    filter: view.filter,
    order_by: view.orderBy,
    group_by: view.groupBy,
    shared: view.shared,
    saved_at: view.savedAt,
  };
  await tablesOf<Tables>(tx)
    .insertInto("saved_views")
    .values({
      id: view.id,
      organization_id: view.organizationId,
      owner_id: view.ownerId,
      created_by: view.createdBy,
      ...changing,
    })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(changing))
    .execute();
}

export async function deleteView(tx: UnitOfWork, id: string): Promise<void> {
  await tablesOf<Tables>(tx).deleteFrom("saved_views").where("id", "=", id).execute();
}

function viewOf(row: Selectable<SavedViewsTable>): SavedView {
  return {
    id: row.id,
    organizationId: row.organization_id,
    ownerId: row.owner_id,
    createdBy: row.created_by,
    list: row.list,
    name: row.name,
    filter: row.filter,
    orderBy: row.order_by,
    groupBy: row.group_by,
    shared: row.shared,
    savedAt: row.saved_at,
  };
}
