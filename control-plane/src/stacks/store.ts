import { sql, type ColumnType, type Selectable } from "kysely";
import { emptyPlacement, noConstraints, type Placement } from "../placement/index.ts";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Stack } from "./model.ts";
import { defaultPolicy, type StackPolicy } from "./policy.ts";

interface StacksTable {
  id: string;
  organization_id: string;
  name: string;
  project: string;
  working_directory: string;
  placement: ColumnType<Partial<Placement>, string, string>;
  policy: ColumnType<Partial<StackPolicy>, string, string>;
  version: number;
  latest_revision: number;
  current_revision: number;
  revision_before: ColumnType<number, never, number>;
  deleting: boolean;
  created_at: Date;
  updated_at: Date;
}
interface Tables {
  stacks: StacksTable;
}

export async function insertStack(tx: UnitOfWork, stack: Stack): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("stacks")
    .values({
      id: stack.id,
      organization_id: stack.organizationId,
      name: stack.name,
      project: stack.project,
      working_directory: stack.workingDirectory,
      placement: JSON.stringify(stack.placement),
      policy: JSON.stringify(stack.policy),
      version: stack.version,
      latest_revision: stack.latestRevision,
      current_revision: stack.currentRevision,
      deleting: stack.deleting,
      created_at: stack.createdAt,
      updated_at: stack.updatedAt,
    })
    .execute();
}

/** @param lock holds the row until the end of the transaction: what follows depends on its values */
export async function readStack(tx: UnitOfWork, stackId: string, lock: "lock" | "look"): Promise<Stack | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("stacks").selectAll().where("id", "=", stackId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : stackOf(row);
}

/** By name; `after` is the last name of the page before. */
export async function listStacks(
  tx: UnitOfWork,
  query: {
    readonly filter: string;
    readonly after?: string;
    readonly limit: number;
    /** Only these. */
    readonly ids?: readonly string[];
  },
): Promise<{ stacks: Stack[]; total: number }> {
  let matching = tablesOf<Tables>(tx)
    .selectFrom("stacks")
    .where("name", "like", `%${escapeLike(query.filter)}%`);
  if (query.ids !== undefined) matching = matching.where(sql<boolean>`id = ANY(${[...query.ids]})`);
  const page = query.after === undefined ? matching : matching.where("name", ">", query.after);
  const rows = await page.selectAll().orderBy("name").limit(query.limit).execute();
  const counted = await matching.select(sql<bigint>`count(*)`.as("total")).executeTakeFirstOrThrow();
  return { stacks: rows.map(stackOf), total: Number(counted.total) };
}

/** Changes the stack and raises its version. */
export async function updateStack(
  tx: UnitOfWork,
  stackId: string,
  change: Partial<Pick<Stack, "placement" | "policy" | "latestRevision" | "currentRevision" | "deleting">> & {
    updatedAt: Date;
  },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("stacks")
    .set({
      version: sql`version + 1`,
      updated_at: change.updatedAt,
      ...(change.placement === undefined ? {} : { placement: JSON.stringify(change.placement) }),
      ...(change.policy === undefined ? {} : { policy: JSON.stringify(change.policy) }),
      ...(change.latestRevision === undefined ? {} : { latest_revision: change.latestRevision }),
      ...(change.currentRevision === undefined ? {} : becoming(change.currentRevision)),
      ...(change.deleting === undefined ? {} : { deleting: change.deleting }),
    })
    .where("id", "=", stackId)
    .execute();
}

function becoming(revision: number) {
  const before = sql<number>`CASE WHEN current_revision = ${revision} THEN revision_before ELSE current_revision END`;
  return { current_revision: revision, revision_before: before };
}

/** Makes the revision that was the current one before it again, if the one of these is still the current one. */
export async function returnRevision(tx: UnitOfWork, stackId: string, from: number, at: Date): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("stacks")
    .set({ version: sql`version + 1`, updated_at: at, current_revision: sql`revision_before` })
    .where("id", "=", stackId)
    .where("current_revision", "=", from)
    .execute();
}

/** With all its revisions. */
export async function deleteStack(tx: UnitOfWork, stackId: string): Promise<void> {
  await tablesOf<Tables>(tx).deleteFrom("stacks").where("id", "=", stackId).execute();
}

function stackOf(row: Selectable<StacksTable>): Stack {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    project: row.project,
    workingDirectory: row.working_directory,
    placement: {
      ...emptyPlacement,
      ...row.placement,
      constraints: { ...noConstraints, ...row.placement.constraints },
    },
    policy: { ...defaultPolicy, ...row.policy },
    version: row.version,
    latestRevision: row.latest_revision,
    currentRevision: row.current_revision,
    deleting: row.deleting,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`);
}

/** Stack → its policy; one that is gone is left out. */
export async function readPolicies(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, StackPolicy>> {
  if (stackIds.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("stacks")
    .select(["id", "policy"])
    .where(sql<boolean>`id = ANY(${[...stackIds]})`)
    .execute();
  return new Map(rows.map((row) => [row.id, { ...defaultPolicy, ...row.policy }]));
}

/** All of the organization that have a revision and are not being taken away, by name. */
export async function listPlaceableStacks(tx: UnitOfWork): Promise<Stack[]> {
  if (tx.organizationId === undefined) throw new TypeError("stacks are listed in a unit of work of one organization");
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("stacks")
    .selectAll()
    .where("organization_id", "=", tx.organizationId)
    .where("deleting", "=", false)
    .where("latest_revision", ">", 0)
    .orderBy("name")
    .execute();
  return rows.map(stackOf);
}

/** Stack → its name; one that is gone is left out. */
export async function readStackNames(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>> {
  if (stackIds.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("stacks")
    .select(["id", "name"])
    .where(sql<boolean>`id = ANY(${[...stackIds]})`)
    .execute();
  return new Map(rows.map((row) => [row.id, row.name]));
}

/** Which of the names a stack has already. */
export async function stackNamesTaken(tx: UnitOfWork, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("stacks")
    .select("name")
    .where("name", "in", [...names])
    .execute();
  return new Set(rows.map((row) => row.name));
}
