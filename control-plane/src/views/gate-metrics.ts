import { ObservedContainer } from "@windflow/proto/agent";
import { sql } from "kysely";
import { figureKey, readFigureBounds, type FigureBounds } from "../metrics/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { GateMetrics } from "../rollouts/index.ts";

type Query = Parameters<GateMetrics["unmet"]>[1];
type Condition = Query["conditions"][number];

// Figures of containers come each half minute: a shorter quiet time would never see one.
const SHORTEST_MS = 45_000;

/** Asks what is committed, whichever control plane took it: every sample of the time has to be within the bound. */
export const gateMetrics: GateMetrics = {
  unmet: async (tx, query) => {
    const unmet = new Map<string, string[]>();
    const add = (hostId: string, sentence: string): void => {
      unmet.set(hostId, [...(unmet.get(hostId) ?? []), sentence]);
    };
    for (const condition of query.conditions) {
      const subjects =
        condition.service === ""
          ? query.hosts.map(({ hostId }) => ({ hostId, containerId: "", name: "the host" }))
          : await runningContainers(tx, query, condition.service);
      await askOne(tx, query, condition, subjects, add);
    }
    return unmet;
  },
};

interface Asked {
  readonly hostId: string;
  readonly containerId: string;
  /** For people. */
  readonly name: string;
}

async function askOne(
  tx: UnitOfWork,
  { hosts, now }: Query,
  condition: Condition,
  asked: readonly Asked[],
  add: (hostId: string, sentence: string) => void,
): Promise<void> {
  const kind = condition.service === "" ? "host" : "container";
  const sinceOf = new Map(
    hosts.map(({ hostId, sinceMs, healthySinceMs }) => [
      hostId,
      Math.max(healthySinceMs, Math.min(sinceMs, now.getTime() - SHORTEST_MS)),
    ]),
  );
  const subjects = asked.map((one) => ({ ...one, sinceMs: sinceOf.get(one.hostId) ?? now.getTime() }));
  const bounds = await readFigureBounds(tx, { kind, column: condition.column, subjects, now });
  const byHost = Map.groupBy(subjects, ({ hostId }) => hostId);
  for (const { hostId } of hosts) {
    const own = byHost.get(hostId) ?? [];
    if (own.length === 0) add(hostId, `no container of ${condition.service} runs`);
    for (const subject of own) {
      const sentence = complaintOf(condition, subject.name, bounds.get(figureKey(subject)), subject.sinceMs);
      if (sentence !== undefined) add(hostId, sentence);
    }
  }
}

function complaintOf(
  { column, comparison, value }: Condition,
  name: string,
  bounds: FigureBounds | undefined,
  sinceMs: number,
): string | undefined {
  if (bounds === undefined) return `no figure ${column} of ${name} since ${new Date(sinceMs).toISOString()} yet`;
  const worst = comparison === "below" ? bounds.maximum : bounds.minimum;
  const isMet = comparison === "below" ? worst < value : worst > value;
  if (isMet) return undefined;
  return `${column} of ${name} was ${Number(worst.toFixed(2))}, it must stay ${comparison} ${value}`;
}

async function runningContainers(tx: UnitOfWork, query: Query, service: string): Promise<Asked[]> {
  const answer = await sql<{ host_id: string; container_id: string; name: string; report: Buffer }>`
    SELECT o.host_id, o.container_id, o.name, o.report FROM observed_containers o
    JOIN metric_containers m USING (host_id, container_id)
    WHERE o.stack_id = ${query.stackId} AND m.service = ${service}
      AND o.host_id = ANY(${query.hosts.map(({ hostId }) => hostId)}::text[])
    ORDER BY o.host_id, o.name`.execute(tx.queries);
  // One that was kept for the way back has ended, and says nothing about the new one.
  return answer.rows
    .filter(({ report }) => ObservedContainer.decode(report).state === "running")
    .map((row) => ({ hostId: row.host_id, containerId: row.container_id, name: row.name }));
}
