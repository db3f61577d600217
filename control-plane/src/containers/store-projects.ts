import { ObservedContainer } from "@windflow/proto/agent";
import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";

/** The containers of one host that say that they belong to one compose project. */
export interface ObservedProject {
  readonly hostId: string;
  readonly project: string;
  readonly containers: readonly ObservedContainer[];
}

export interface ProjectQuery {
  /** Empty: all hosts. */
  readonly hostId: string;
  /** Text in the name. */
  readonly text: string;
  readonly after?: { readonly project: string; readonly hostId: string };
  readonly limit: number;
}

/** Compose projects of which no container is a stack's, by name, then host. */
export async function listProjects(
  tx: UnitOfWork,
  query: ProjectQuery,
): Promise<{ projects: ObservedProject[]; total: number }> {
  const { hostId, limit } = query;
  const text = query.text.toLowerCase();
  const foreign = sql`SELECT project, host_id FROM observed_containers
    WHERE project <> '' AND (${hostId} = '' OR host_id = ${hostId}) AND (${text} = '' OR strpos(lower(project), ${text}) > 0)
    GROUP BY project, host_id HAVING bool_and(stack_id = '')`;
  const after = query.after ?? { project: "", hostId: "" };
  const page = await sql<{ project: string; host_id: string; reports: Buffer[] }>`
    SELECT found.project, found.host_id,
      ARRAY(SELECT report FROM observed_containers o
        WHERE o.host_id = found.host_id AND o.project = found.project ORDER BY o.name) AS reports
    FROM (${foreign}) AS found WHERE (found.project, found.host_id) > (${after.project}, ${after.hostId})
    ORDER BY found.project, found.host_id LIMIT ${limit}`.execute(tx.queries);
  const counted = await sql<{ total: bigint }>`SELECT count(*) AS total FROM (${foreign}) AS found`.execute(tx.queries);
  return {
    projects: page.rows.map((row) => ({
      hostId: row.host_id,
      project: row.project,
      containers: row.reports.map((report) => ObservedContainer.decode(report)),
    })),
    total: Number(counted.rows[0]?.total ?? 0),
  };
}

/** The host's containers that say that they belong to the project, by name. */
export async function readProjectContainers(
  tx: UnitOfWork,
  { hostId, project }: { readonly hostId: string; readonly project: string },
): Promise<ObservedContainer[]> {
  const { rows } = await sql<{ report: Buffer }>`SELECT report FROM observed_containers
    WHERE host_id = ${hostId} AND project = ${project} ORDER BY name`.execute(tx.queries);
  return rows.map(({ report }) => ObservedContainer.decode(report));
}
