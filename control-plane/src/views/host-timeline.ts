import { sql, type RawBuilder } from "kysely";
import type { HostTimeline, TimelineEntry, TimelineKind, TimelineQuery } from "../hosts/index.ts";

// What a host sends within this time of its happening is on time: its spool is sent every few seconds.
const LATE_MS = 30_000;

// Acts about a host that have a sentence in the history of events already; of the others the audit trail alone tells.
const TOLD_BY_EVENTS = [
  "hosts.enroll",
  "hosts.update",
  "hosts.approve",
  "hosts.schedule",
  "hosts.revoke",
  "containers.start",
  "containers.stop",
  "containers.restart",
  "drift.correct",
  "drift.accept",
  "adoption.adopt",
];

interface EntryRow {
  id: string;
  at: Date;
  known_at: Date;
  kind: TimelineKind;
  type: string;
  message: string;
  severity: TimelineEntry["severity"];
  actor: string;
  stack_id: string;
  stack_name: string;
  container_id: string;
  rollout_id: string;
}

/** What happened on a host: its events, what rollouts did there, and what people did about it. */
export const hostTimeline: HostTimeline = {
  entriesOf: async (tx, query) => {
    const sources = [events(query), rolloutBegan(query), rolloutEnded(query), acts(query)];
    const answer = await sql<EntryRow>`SELECT entries.*, coalesce(stacks.name, entries.told_name) AS stack_name
      FROM (${sql.join(sources, sql` UNION ALL `)}) AS entries LEFT JOIN stacks ON stacks.id = entries.stack_id
      ORDER BY entries.at DESC, entries.id DESC LIMIT ${query.limit}`.execute(tx.queries);
    return answer.rows.map(entryOf);
  },
};

function entryOf(row: EntryRow): TimelineEntry {
  return {
    id: row.id,
    at: row.at,
    kind: row.kind,
    type: row.type,
    message: row.message,
    severity: row.severity,
    actor: row.actor,
    stackId: row.stack_id,
    stackName: row.stack_name,
    containerId: row.container_id,
    rolloutId: row.rollout_id,
    ...(row.known_at.getTime() - row.at.getTime() > LATE_MS ? { receivedAt: row.known_at } : {}),
  };
}

type Source = RawBuilder<EntryRow>;

/** The newest of one source before the page's end: each is in the order of the whole, so that no more is ever needed of it. */
function newest(rows: RawBuilder<unknown>, { kinds, before, limit }: TimelineQuery): Source {
  const ofKind = kinds.length === 0 ? sql`` : sql`AND kind = ANY(${[...kinds]})`;
  const older = before === undefined ? sql`` : sql`AND (at, id) < (${before.at}::timestamptz, ${before.id})`;
  return sql`(SELECT * FROM (${rows}) AS source WHERE at IS NOT NULL ${ofKind} ${older} ORDER BY at DESC, id DESC LIMIT ${limit})`;
}

function events(query: TimelineQuery): Source {
  const kind = sql`CASE
    WHEN type LIKE 'drift.%' THEN 'drift'
    WHEN actor NOT IN ('host', 'system') THEN 'person'
    WHEN type LIKE 'rollout.%' THEN 'rollout'
    WHEN type LIKE 'agent.%' OR type IN ('host.online', 'host.stale', 'host.offline', 'host.quarantined') THEN 'session'
    WHEN type LIKE 'container.%' OR container_id IS NOT NULL THEN 'container'
    ELSE 'host' END`;
  return newest(
    sql`SELECT id, at, recorded_at AS known_at, ${kind} AS kind, type, message, severity, actor,
      coalesce(stack_id, '') AS stack_id, '' AS told_name, coalesce(container_id, '') AS container_id, '' AS rollout_id
      FROM events WHERE organization_id = current_setting('windflow.organization', true) AND host_id = ${query.hostId}`,
    query,
  );
}

function rolloutBegan(query: TimelineQuery): Source {
  const what = sql`CASE WHEN h.action = 'remove' THEN ' is taken off' ELSE ': revision ' || r.revision || ' begins' END`;
  return rolloutSteps(query, {
    suffix: "began",
    at: sql`h.started_at`,
    type: sql`'rollout.began'::text`,
    message: sql`r.stack_name || ${what}`,
    severity: sql`'info'::text`,
  });
}

function rolloutEnded(query: TimelineQuery): Source {
  const what = sql`CASE WHEN h.action = 'remove' THEN '' ELSE ': revision ' || r.revision END`;
  return rolloutSteps(query, {
    suffix: "ended",
    at: sql`h.ended_at`,
    type: sql`'rollout.' || h.state`,
    message: sql`r.stack_name || ${what} || ' ' || replace(h.state, '-', ' ') || CASE WHEN h.cause = '' THEN '' ELSE ': ' || h.cause END`,
    severity: sql`CASE WHEN h.state IN ('failed', 'rollback-failed') THEN 'error' WHEN h.state = 'rolled-back' THEN 'warning' ELSE 'info' END`,
  });
}

function rolloutSteps(
  query: TimelineQuery,
  told: Readonly<Record<"at" | "type" | "message" | "severity", RawBuilder<unknown>>> & { readonly suffix: string },
): Source {
  return newest(
    sql`SELECT h.rollout_id || '.' || ${told.suffix}::text AS id, ${told.at} AS at, ${told.at} AS known_at, 'rollout' AS kind,
      ${told.type} AS type, ${told.message} AS message, ${told.severity} AS severity, r.created_by AS actor,
      r.stack_id, r.stack_name AS told_name, '' AS container_id, r.id AS rollout_id
      FROM rollout_hosts h JOIN rollouts r ON r.id = h.rollout_id
      WHERE h.organization_id = current_setting('windflow.organization', true) AND h.host_id = ${query.hostId}`,
    query,
  );
}

/** People's acts that no event tells of, e.g. who opened a terminal. */
function acts(query: TimelineQuery): Source {
  const { hostId } = query;
  const about = sql`coalesce(' on ' || (detail ->> 'containerName'), '')`;
  const columns = sql`id, at, at AS known_at, 'person' AS kind, action AS type, caller_name || ': ' || action || ${about} AS message,
    'info' AS severity, caller_name AS actor, coalesce(detail ->> 'stackId', '') AS stack_id, '' AS told_name,
    CASE WHEN target_kind = 'container' THEN target_id ELSE '' END AS container_id, '' AS rollout_id`;
  const mine = sql`organization_id = current_setting('windflow.organization', true) AND NOT action = ANY(${TOLD_BY_EVENTS})`;
  return newest(
    sql`SELECT ${columns} FROM audit_entries WHERE ${mine} AND target_id = ${hostId} AND target_kind = 'host'
      UNION ALL SELECT ${columns} FROM audit_entries
      WHERE ${mine} AND detail ? 'hostId' AND detail ->> 'hostId' = ${hostId} AND target_id <> ${hostId}`,
    query,
  );
}
