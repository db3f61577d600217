import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface Tables {
  adoptions: {
    stack_id: string;
    host_id: string;
    organization_id: string;
    project: string;
    container_ids: string[];
    adopted_by: string;
    adopted_at: Date;
  };
}

/** That the containers of a compose project are a stack's, although they carry no label that says so. */
export interface Adoption {
  readonly stackId: string;
  readonly hostId: string;
  readonly organizationId: string;
  readonly project: string;
  readonly containerIds: readonly string[];
  readonly adoptedBy: string;
  readonly adoptedAt: Date;
}

export async function insertAdoption(tx: UnitOfWork, adoption: Adoption): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("adoptions")
    .values({
      stack_id: adoption.stackId,
      host_id: adoption.hostId,
      organization_id: adoption.organizationId,
      project: adoption.project,
      container_ids: [...adoption.containerIds],
      adopted_by: adoption.adoptedBy,
      adopted_at: adoption.adoptedAt,
    })
    .execute();
}

/** Host → stack → the ids of the host's containers that were adopted into it. */
export async function readAdopted(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<Map<string, Map<string, string[]>>> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("adoptions")
    .select(["host_id", "stack_id", "container_ids"])
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .execute();
  const byHost = new Map<string, Map<string, string[]>>();
  for (const row of rows) {
    const stacks = byHost.get(row.host_id) ?? new Map<string, string[]>();
    byHost.set(row.host_id, stacks.set(row.stack_id, row.container_ids));
  }
  return byHost;
}
