import type { ColumnType, Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Build, BuildState, OutputLine, ServiceBuild } from "./model.ts";

interface BuildsTable {
  id: string;
  organization_id: string;
  stack_id: string;
  state: BuildState;
  cause: string;
  host_id: string;
  host_name: string;
  platform: string;
  services: ColumnType<ServiceBuild[], string, string>;
  base_images: string[];
  tasks_digest: string;
  created_by: string;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}
interface Tables {
  builds: BuildsTable;
  build_lines: {
    build_id: string;
    sequence: bigint;
    organization_id: string;
    service: string;
    text: string;
    at: Date;
  };
}

export async function insertBuild(tx: UnitOfWork, build: Build): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("builds")
    .values({
      id: build.id,
      organization_id: build.organizationId,
      stack_id: build.stackId,
      state: build.state,
      cause: build.cause,
      host_id: build.hostId,
      host_name: build.hostName,
      platform: build.platform,
      services: JSON.stringify(build.services),
      base_images: [...build.baseImages],
      tasks_digest: build.tasksDigest,
      created_by: build.createdBy,
      created_at: build.createdAt,
      started_at: build.startedAt ?? null,
      ended_at: build.endedAt ?? null,
    })
    .execute();
}

/** @param lock holds the row until the end of the transaction */
export async function readBuild(tx: UnitOfWork, buildId: string, lock: "lock" | "look"): Promise<Build | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("builds").selectAll().where("id", "=", buildId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : buildOf(row);
}

/** Newest first; `before` is the last id of the page before. */
export async function listBuilds(
  tx: UnitOfWork,
  query: { readonly stackId: string; readonly before?: string; readonly limit: number },
): Promise<Build[]> {
  let select = tablesOf<Tables>(tx).selectFrom("builds").selectAll().where("stack_id", "=", query.stackId);
  if (query.before !== undefined) select = select.where("id", "<", query.before);
  return (await select.orderBy("id", "desc").limit(query.limit).execute()).map(buildOf);
}

export async function updateBuild(
  tx: UnitOfWork,
  buildId: string,
  change: Partial<Pick<Build, "state" | "cause" | "services" | "startedAt" | "endedAt">>,
): Promise<void> {
  const { state, cause, services, startedAt, endedAt } = change;
  await tablesOf<Tables>(tx)
    .updateTable("builds")
    .set({
      ...(state === undefined ? {} : { state }),
      ...(cause === undefined ? {} : { cause }),
      ...(services === undefined ? {} : { services: JSON.stringify(services) }),
      ...(startedAt === undefined ? {} : { started_at: startedAt }),
      ...(endedAt === undefined ? {} : { ended_at: endedAt }),
    })
    .where("id", "=", buildId)
    .execute();
}

/** Keeps the newest builds of a stack; older ones are forgotten with their output. */
export async function forgetOldBuilds(tx: UnitOfWork, stackId: string, keep: number): Promise<void> {
  const old = tablesOf<Tables>(tx)
    .selectFrom("builds")
    .select("id")
    .where("stack_id", "=", stackId)
    .where("state", "not in", ["pending", "running"])
    .orderBy("id", "desc")
    .offset(keep);
  await tablesOf<Tables>(tx).deleteFrom("builds").where("id", "in", old).execute();
}

/** Adds lines, and drops those before `first`. */
export async function writeLines(
  tx: UnitOfWork,
  build: { readonly id: string; readonly organizationId: string },
  lines: readonly OutputLine[],
  first: number,
): Promise<void> {
  const own = tablesOf<Tables>(tx);
  const rows = lines.map(({ sequence, service, text, at }) => ({
    build_id: build.id,
    organization_id: build.organizationId,
    sequence: BigInt(sequence),
    service,
    text,
    at,
  }));
  if (rows.length > 0) await own.insertInto("build_lines").values(rows).execute();
  await own.deleteFrom("build_lines").where("build_id", "=", build.id).where("sequence", "<", BigInt(first)).execute();
}

/** In order, those after a sequence. */
export async function readLines(tx: UnitOfWork, buildId: string, after: number, limit: number): Promise<OutputLine[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("build_lines")
    .select(["sequence", "service", "text", "at"])
    .where("build_id", "=", buildId)
    .where("sequence", ">", BigInt(after))
    .orderBy("sequence")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
}

function buildOf(row: Selectable<BuildsTable>): Build {
  return {
    id: row.id,
    organizationId: row.organization_id,
    stackId: row.stack_id,
    state: row.state,
    cause: row.cause,
    hostId: row.host_id,
    hostName: row.host_name,
    platform: row.platform,
    services: row.services,
    baseImages: row.base_images,
    tasksDigest: row.tasks_digest,
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}
