import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFilter } from "./filter.ts";
import { matching } from "./matching.ts";
import type { AgentBuild, HostAgentUpdate, HostPresence, Labels } from "./model.ts";
import { hostsTables } from "./tables.ts";

/** A host with what is known of its agent. */
export interface AgentHost {
  readonly hostId: string;
  readonly name: string;
  readonly labels: Labels;
  readonly presence: HostPresence;
  readonly presenceCause: string;
  readonly presenceSince: Date;
  readonly awaitingApproval: boolean;
  readonly agentVersion: string;
  readonly build?: AgentBuild;
}

/** By name: hosts that match, of all or of those of the ids. */
export async function readAgentHosts(
  tx: UnitOfWork,
  query: { readonly organizationId: string; readonly filter?: HostFilter; readonly hostIds?: readonly string[] },
): Promise<AgentHost[]> {
  let select = hostsTables(tx)
    .selectFrom("hosts")
    .select(["id", "name", "labels", "presence", "presence_cause", "presence_since", "awaiting_approval"])
    .select(["agent_version", "agent_build"])
    .where("organization_id", "=", query.organizationId);
  if (query.filter !== undefined) select = select.where(matching(query.filter));
  if (query.hostIds !== undefined) select = select.where(sql<boolean>`hosts.id = ANY(${[...query.hostIds]})`);
  const rows = await select.orderBy("name").orderBy("id").execute();
  return rows.map((row) => ({
    hostId: row.id,
    name: row.name,
    labels: row.labels,
    presence: row.presence,
    presenceCause: row.presence_cause,
    presenceSince: row.presence_since,
    awaitingApproval: row.awaiting_approval,
    agentVersion: row.agent_version,
    ...(row.agent_build === null ? {} : { build: row.agent_build }),
  }));
}

/**
 * Says on the hosts' own rows which update is about them; undefined: none, and the last one left nothing to say. `proven`: what runs
 * there is not on trial any more.
 */
export async function saveAgentUpdates(
  tx: UnitOfWork,
  organizationId: string,
  hosts: readonly {
    readonly hostId: string;
    readonly update: HostAgentUpdate | undefined;
    readonly proven?: boolean;
  }[],
): Promise<void> {
  if (hosts.length === 0) return;
  const told = hosts.map(({ hostId, update, proven = false }) => ({ id: hostId, update, proven }));
  // Locked in one order, so that two transactions never wait for each other.
  await sql`WITH told AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(told)}::jsonb) AS told(id text, update jsonb, proven boolean)
    ), locked AS (
      SELECT hosts.id FROM hosts JOIN told ON told.id = hosts.id
      WHERE hosts.organization_id = ${organizationId} ORDER BY hosts.id FOR NO KEY UPDATE OF hosts
    )
    UPDATE hosts SET agent_update = told.update,
      agent_build = CASE WHEN told.proven THEN hosts.agent_build - 'onTrial' ELSE hosts.agent_build END
    FROM told JOIN locked ON locked.id = told.id
    WHERE hosts.id = told.id AND hosts.organization_id = ${organizationId}`.execute(tx.queries);
}

/** Update of agents that is about each of the hosts; those without one are not in it. */
export async function readAgentUpdates(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<Map<string, { readonly update: HostAgentUpdate; readonly arch: string }>> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select(["id", "agent_update", "agent_build"])
    .where(sql<boolean>`hosts.id = ANY(${[...hostIds]})`)
    .where("agent_update", "is not", null)
    .execute();
  return new Map(
    rows.flatMap(({ id, agent_update: update, agent_build: build }) =>
      update === null ? [] : [[id, { update, arch: build?.arch ?? "" }]],
    ),
  );
}

/** How many hosts run which version and commit of the agent; revoked ones are left out. */
export async function countAgentVersions(
  tx: UnitOfWork,
  organizationId: string,
): Promise<{ version: string; build: AgentBuild | undefined; hosts: number }[]> {
  const { rows } = await sql<{ version: string; build: AgentBuild | null; hosts: bigint }>`
    SELECT agent_version AS version, (array_agg(agent_build ORDER BY id))[1] - 'onTrial' - 'cannotUpdate' - 'arch' AS build,
      count(*) AS hosts FROM hosts
    WHERE organization_id = ${organizationId} AND revoked_at IS NULL AND agent_version <> ''
    GROUP BY agent_version, coalesce(agent_build ->> 'commit', '') ORDER BY agent_version, coalesce(agent_build ->> 'commit', '')`.execute(
    tx.queries,
  );
  return rows.map(({ version, build, hosts }) => ({ version, build: build ?? undefined, hosts: Number(hosts) }));
}
