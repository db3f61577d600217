import { sql, type RawBuilder } from "kysely";
import type { HostFilter } from "./filter.ts";

// Reached hosts are what they reported; of the others nothing is known.
const REACHED = sql<boolean>`hosts.presence IN ('online', 'stale')`;

/** The filter over `hosts`, set-based: no part of it looks at one host after the other. */
export function matching(filter: HostFilter): RawBuilder<boolean> {
  const labelled = filter.labels.filter(({ value }) => value !== "");
  const labels = Object.fromEntries(labelled.map((label) => [label.key, label.value]));
  const parts = [
    sql<boolean>`hosts.labels @> ${JSON.stringify(labels)}::jsonb`,
    ...filter.words.map((word) => sql<boolean>`strpos(lower(hosts.name), ${word}) > 0`),
    ...filter.labels.flatMap(({ key, value }) =>
      value === "" ? [sql<boolean>`coalesce(hosts.labels ->> ${key}, '') = ''`] : [],
    ),
    ...(filter.stacks ?? []).map(onStack),
  ];
  if (filter.presences.length > 0) parts.push(sql<boolean>`hosts.presence = ANY(${filter.presences})`);
  if (filter.healths !== undefined) parts.push(inHealth(filter.healths));
  if (filter.drifted !== undefined) {
    const drifted = sql`hosts.id IN (SELECT host_id FROM host_health WHERE stacks_drifted > 0)`;
    parts.push(filter.drifted ? sql<boolean>`${drifted}` : sql<boolean>`NOT ${drifted}`);
  }
  if (filter.waiting !== undefined)
    parts.push(filter.waiting ? sql<boolean>`hosts.awaiting_approval` : sql<boolean>`NOT hosts.awaiting_approval`);
  if (filter.agents !== undefined) parts.push(sql<boolean>`hosts.agent_version = ANY(${filter.agents})`);
  if (filter.update !== undefined) parts.push(sql<boolean>`hosts.agent_update ->> 'state' = ${filter.update}`);
  if (filter.environments !== undefined) {
    const names = filter.environments;
    parts.push(sql<boolean>`(hosts.environment_id IN (SELECT id FROM environments WHERE name = ANY(${names}))
      OR hosts.labels ->> 'environment' = ANY(${names}))`);
  }
  return sql<boolean>`(${sql.join(parts, sql` AND `)})`;
}

// Rollouts' and containers' tables, read here for a name in a filter.
function onStack(name: string): RawBuilder<boolean> {
  // Two lookups by the stack's id, each hashed once: as joins they were made anew for every host.
  const stackId = sql`(SELECT id FROM stacks WHERE name = ${name})`;
  return sql<boolean>`(hosts.id IN (SELECT host_id FROM host_desired_stacks WHERE stack_id = ${stackId})
    OR hosts.id IN (SELECT host_id FROM observed_stacks WHERE stack_id = ${stackId}))`;
}

function inHealth(healths: NonNullable<HostFilter["healths"]>): RawBuilder<boolean> {
  const known = healths.filter((health) => health !== "unknown");
  const reported = sql`(${REACHED} AND hosts.id IN (SELECT host_id FROM host_health WHERE health = ANY(${known})))`;
  if (!healths.includes("unknown")) return sql<boolean>`${reported}`;
  const unknown = sql`(NOT ${REACHED} OR hosts.id NOT IN (SELECT host_id FROM host_health WHERE health <> 'unknown'))`;
  return sql<boolean>`(${reported} OR ${unknown})`;
}
