import type { GateProbe, HostStackPolicy } from "@windflow/proto/agent";
import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import { defaultPolicy, hostPolicyOf, readPolicies } from "../stacks/index.ts";
import type { Generation } from "./model.ts";

interface Tables {
  host_desired: {
    host_id: string;
    organization_id: string;
    term: bigint;
    n: bigint;
    refused_term: bigint | null;
    refused_n: bigint | null;
    refused_cause: string | null;
    changed_at: Date;
  };
  host_desired_stacks: {
    host_id: string;
    stack_id: string;
    organization_id: string;
    revision: number;
    body_digest: string;
    attempt: string;
    recreate_volumes: string[];
    probes: GateProbe[];
    override_hold: boolean;
    correct: string;
  };
}

export interface DesiredStack {
  stackId: string;
  revision: number;
  bodyDigest: string;
  adoptedContainerIds: string[];
  attempt: string;
  recreateVolumes: string[];
  policy: HostStackPolicy | undefined;
  probes: GateProbe[];
  correct: string;
  overrideHold: boolean;
}
export interface DesiredState {
  readonly generation: Generation;
  readonly stacks: DesiredStack[];
}
export interface WantedRevision {
  readonly revision: number;
  readonly bodyDigest: string;
  /** What asks for it; another one makes a host try again what it gave up. */
  readonly attempt: string;
  /** Keys of volumes that may be made anew, without their data. */
  readonly recreateVolumes: readonly string[];
  /** What the gate of the attempt asks of the host. */
  readonly probes: readonly GateProbe[];
  /** Takes effect although root on the host holds another revision. */
  readonly overrideHold: boolean;
}

/** What the hosts must run of one stack: a revision, or nothing. */
export interface DesiredChange {
  readonly organizationId: string;
  readonly stackId: string;
  readonly want: WantedRevision | "nothing";
  /** Also where it is the same: the host is not where it should be, and has to try. */
  readonly again: boolean;
  /** The term of this installation; raised when the control plane is restored from a backup. */
  readonly term: bigint;
  readonly at: Date;
}

// Between ids, which have none in them: one text is read many times as fast as an array of ten thousand.
const SEPARATOR = " ";

/**
 * Changes what the hosts must run of one stack, and raises the generation of those for which that is a change.
 * Returns the generation of each host that carries it, and which of them changed. The rows of the hosts stay locked
 * until the end of the transaction, so that two rollouts never give the same generation.
 */
export async function changeDesired(
  tx: UnitOfWork,
  hostIds: readonly string[],
  change: DesiredChange,
): Promise<{ generations: Map<string, Generation>; changed: string[] }> {
  if (hostIds.length === 0) return { generations: new Map(), changed: [] };
  const sorted = [...hostIds].toSorted();
  let locked = await lockRows(tx, sorted);
  if (locked.length < sorted.length) {
    await ensureRows(tx, sorted, change);
    locked = await lockRows(tx, sorted);
  }
  const generations = new Map(locked.map((row) => [row.host_id, { term: row.term, n: row.n }]));
  const changed = await hostsToChange(tx, sorted, change);
  if (changed.length === 0) return { generations, changed };
  await writeStack(tx, changed, change);
  for (const [hostId, generation] of await raise(tx, changed, change)) generations.set(hostId, generation);
  return { generations, changed };
}

interface RaisedAt {
  readonly term: bigint;
  readonly at: Date;
}

/** Raises the generation of hosts whose rows are locked: they are told their desired state again. */
async function raise(
  tx: UnitOfWork,
  hostIds: readonly string[],
  { term, at }: RaisedAt,
): Promise<Map<string, Generation>> {
  const raised = await tablesOf<Tables>(tx)
    .updateTable("host_desired")
    .set({
      term: sql`greatest(term, ${term})`,
      n: sql`CASE WHEN term < ${term} THEN 1 ELSE n + 1 END`,
      changed_at: at,
    })
    .where(sql<boolean>`host_id = ANY(${[...hostIds]}::text[])`)
    .returning(["host_id", "term", "n"])
    .execute();
  return new Map(raised.map((row) => [row.host_id, { term: row.term, n: row.n }]));
}

/** Raises the generation of every host that must run the stack: what they are told of it has changed. Returns those hosts. */
export async function raiseStack(tx: UnitOfWork, stackId: string, { term, at }: RaisedAt): Promise<string[]> {
  // The rows are locked in the order of `lockRows`.
  const { rows } = await sql<{ hosts: string | null }>`WITH locked AS (
      SELECT host_id FROM host_desired
      WHERE host_id IN (SELECT host_id FROM host_desired_stacks WHERE stack_id = ${stackId})
      ORDER BY host_id FOR UPDATE
    ), raised AS (
      UPDATE host_desired d SET term = greatest(d.term, ${term}), n = CASE WHEN d.term < ${term} THEN 1 ELSE d.n + 1 END,
        changed_at = ${at}
      FROM locked WHERE d.host_id = locked.host_id RETURNING d.host_id
    )
    SELECT string_agg(host_id, ${SEPARATOR}) AS hosts FROM raised`.execute(tx.queries);
  return rows[0]?.hosts?.split(SEPARATOR) ?? [];
}

/** Asks one host to put right what it reports as drift of the stack. False when it does not have to run the stack. */
export async function askCorrection(
  tx: UnitOfWork,
  wanted: { readonly hostId: string; readonly stackId: string; readonly correct: string },
  at: RaisedAt,
): Promise<boolean> {
  const { hostId, stackId, correct } = wanted;
  await lockRows(tx, [hostId]);
  const written = await tablesOf<Tables>(tx)
    .updateTable("host_desired_stacks")
    .set({ correct })
    .where("host_id", "=", hostId)
    .where("stack_id", "=", stackId)
    .executeTakeFirst();
  if (written.numUpdatedRows === 0n) return false;
  await raise(tx, [hostId], at);
  return true;
}

// In one order for everybody: two rollouts that want the same hosts wait for each other instead of locking up.
function lockRows(tx: UnitOfWork, sorted: readonly string[]): Promise<{ host_id: string; term: bigint; n: bigint }[]> {
  return tablesOf<Tables>(tx)
    .selectFrom("host_desired")
    .select(["host_id", "term", "n"])
    .where(sql<boolean>`host_id = ANY(${[...sorted]}::text[])`)
    .orderBy("host_id")
    .forUpdate()
    .execute();
}

async function ensureRows(tx: UnitOfWork, hostIds: readonly string[], change: DesiredChange): Promise<void> {
  await sql`INSERT INTO host_desired (host_id, organization_id, term, n, changed_at)
    SELECT unnest(${hostIds}::text[]), ${change.organizationId}, ${change.term}, 0, ${change.at}
    ON CONFLICT (host_id) DO NOTHING`.execute(tx.queries);
}

async function hostsToChange(tx: UnitOfWork, hostIds: readonly string[], change: DesiredChange): Promise<string[]> {
  const { want, stackId } = change;
  const { rows } = await sql<{ host_id: string; revision: number; body_digest: string; unfinished: boolean }>`
    SELECT s.host_id, s.revision, s.body_digest, coalesce(h.state NOT IN ('succeeded', 'rolled-back'), false) AS unfinished
    FROM host_desired_stacks s
    LEFT JOIN rollout_hosts h ON h.rollout_id = split_part(s.attempt, '.', 1) AND h.host_id = s.host_id
    WHERE s.stack_id = ${stackId} AND s.host_id = ANY(${[...hostIds]}::text[])`.execute(tx.queries);
  const have = new Map(rows.map((row) => [row.host_id, row]));
  return hostIds.filter((hostId) => {
    const row = have.get(hostId);
    if (want === "nothing") return row !== undefined;
    const same = row?.revision === want.revision && row.body_digest === want.bodyDigest;
    // What the attempt before did not bring about is tried again; what it did is left in peace, unless this one asks more.
    const asksMore = change.again || want.recreateVolumes.length > 0 || want.probes.length > 0 || want.overrideHold;
    return !same || row.unfinished || asksMore;
  });
}

async function writeStack(tx: UnitOfWork, hostIds: readonly string[], change: DesiredChange): Promise<void> {
  const { want, stackId, organizationId } = change;
  if (want === "nothing") {
    await tablesOf<Tables>(tx)
      .deleteFrom("host_desired_stacks")
      .where("stack_id", "=", stackId)
      .where(sql<boolean>`host_id = ANY(${[...hostIds]}::text[])`)
      .execute();
    return;
  }
  await sql`INSERT INTO host_desired_stacks (host_id, stack_id, organization_id, revision, body_digest, attempt,
      recreate_volumes, probes, override_hold)
    SELECT unnest(${hostIds}::text[]), ${stackId}, ${organizationId}, ${want.revision}::integer, ${want.bodyDigest},
      ${want.attempt}, ${[...want.recreateVolumes]}::text[], ${JSON.stringify(want.probes)}::jsonb, ${want.overrideHold}::boolean
    ON CONFLICT (host_id, stack_id) DO UPDATE SET revision = excluded.revision, body_digest = excluded.body_digest,
      attempt = excluded.attempt, recreate_volumes = excluded.recreate_volumes, probes = excluded.probes,
      override_hold = excluded.override_hold`.execute(tx.queries);
}

/** The complete list for one host; absent when nothing was ever wanted of it. */
export async function readDesired(tx: UnitOfWork, hostId: string): Promise<DesiredState | undefined> {
  return (await readDesiredOf(tx, [hostId])).get(hostId);
}

/** What names the bytes of a body. */
export type NamedBody = Pick<DesiredStack, "stackId" | "revision" | "bodyDigest">;

/** Every body that some host of the organization must run, once. */
export async function readAllDesired(tx: UnitOfWork): Promise<NamedBody[]> {
  return tablesOf<Tables>(tx)
    .selectFrom("host_desired_stacks")
    .select(["stack_id as stackId", "revision", "body_digest as bodyDigest"])
    .distinct()
    .execute();
}

/**
 * The same for many hosts; those of which nothing was ever wanted are not in it. Hosts that must run the same share one list
 * of stacks, which nobody changes.
 */
export async function readDesiredOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<Map<string, DesiredState>> {
  const own = tablesOf<Tables>(tx);
  // What is equal comes once, with the hosts that have it: a change of a whole fleet is a row or two.
  const generations = await own
    .selectFrom("host_desired")
    .select(["term", "n", hostsOfGroup])
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .groupBy(["term", "n"])
    .execute();
  if (generations.length === 0) return new Map();
  const rows = await own
    .selectFrom("host_desired_stacks")
    .select([
      "stack_id as stackId",
      "revision",
      "body_digest as bodyDigest",
      "attempt",
      "recreate_volumes as recreateVolumes",
      "probes",
      "override_hold as overrideHold",
      "correct",
      hostsOfGroup,
    ])
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .groupBy([
      "stack_id",
      "revision",
      "body_digest",
      "attempt",
      "recreate_volumes",
      "probes",
      "override_hold",
      "correct",
    ])
    .orderBy("stack_id")
    .execute();
  const policies = await readPolicies(tx, [...new Set(rows.map((row) => row.stackId))]);
  const lists = sharedLists(
    rows.map(({ hosts, ...row }) => {
      const policy = hostPolicyOf(policies.get(row.stackId) ?? defaultPolicy);
      return { hosts: hosts.split(SEPARATOR), stack: { ...row, adoptedContainerIds: [], policy } };
    }),
  );
  return new Map(
    generations.flatMap(({ hosts, term, n }) => {
      const generation = { term, n };
      return hosts
        .split(SEPARATOR)
        .map((hostId) => [hostId, { generation, stacks: lists.get(hostId) ?? [] }] satisfies [string, DesiredState]);
    }),
  );
}

const hostsOfGroup = sql<string>`string_agg(host_id, ${sql.lit(SEPARATOR)})`.as("hosts");

/** Host → its stacks in the order of the groups; one list for all hosts that are in the same groups. */
function sharedLists(
  groups: readonly { readonly hosts: readonly string[]; readonly stack: DesiredStack }[],
): Map<string, DesiredStack[]> {
  const memberships = new Map<string, string>();
  for (const [index, { hosts }] of groups.entries())
    for (const hostId of hosts) memberships.set(hostId, `${memberships.get(hostId) ?? ""} ${index}`);
  const lists = new Map<string, DesiredStack[]>();
  const listOf = (membership: string): DesiredStack[] => {
    const known = lists.get(membership);
    if (known !== undefined) return known;
    const list = membership
      .trim()
      .split(" ")
      .flatMap((index) => groups[Number(index)]?.stack ?? []);
    lists.set(membership, list);
    return list;
  };
  return new Map([...memberships].map(([hostId, membership]) => [hostId, listOf(membership)]));
}

/** Where the stacks are wanted, and which revision of them. */
export async function readStackHosts(
  tx: UnitOfWork,
  stackIds: readonly string[],
): Promise<{ stackId: string; hostId: string; revision: number }[]> {
  if (stackIds.length === 0) return [];
  return tablesOf<Tables>(tx)
    .selectFrom("host_desired_stacks")
    .select(["stack_id as stackId", "host_id as hostId", "revision"])
    .where("stack_id", "in", [...stackIds])
    .execute();
}

/** Host → its generation and the number of stacks that it must run. */
export async function readDesiredSummaries(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<Map<string, { generation: Generation; stacksTotal: number }>> {
  if (hostIds.length === 0) return new Map();
  const rows = await sql<{ host_id: string; term: bigint; n: bigint; total: bigint }>`
    SELECT d.host_id, d.term, d.n, (SELECT count(*) FROM host_desired_stacks s WHERE s.host_id = d.host_id) AS total
    FROM host_desired d WHERE d.host_id = ANY(${hostIds})`.execute(tx.queries);
  return new Map(
    rows.rows.map((row) => [row.host_id, { generation: { term: row.term, n: row.n }, stacksTotal: Number(row.total) }]),
  );
}

/** Keeps why a host refused a desired state; a later change of the desired state makes it void. */
export async function writeRefusal(
  tx: UnitOfWork,
  hostId: string,
  refusal: { generation: Generation; cause: string } | undefined,
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("host_desired")
    .set({
      refused_term: refusal?.generation.term ?? null,
      refused_n: refusal?.generation.n ?? null,
      refused_cause: refusal?.cause ?? null,
    })
    .where("host_id", "=", hostId)
    .execute();
}
