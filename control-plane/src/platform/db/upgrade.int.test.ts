import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../../testing/database.ts";
import { createLog } from "../index.ts";
import { migrations } from "../migrations/index.ts";
import { createClient, type ConnectionSettings } from "./connection.ts";
import { migrate } from "./migrate.ts";
import { rolesSql, SYSTEM_ROLE } from "./roles.ts";

const DATABASE = `upgrade_${process.pid}`;
const log = createLog({ level: "silent" });
const OWNER = `upgrade_owner_${process.pid}`;
const LAST_BEFORE_WAVES = "202611221955-host-scheduling";
const before = migrations.filter(({ name }) => name <= LAST_BEFORE_WAVES);
let server: TestDatabase;

type Client = ReturnType<typeof createClient>;

async function withClient<Result>(
  settings: ConnectionSettings,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = createClient(settings, "test");
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A new database, owned by somebody who is no superuser: what managed servers give. */
async function newDatabase(): Promise<ConnectionSettings> {
  await withClient(server.connection, (client) => client.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`));
  const { url } = server.connection;
  if (url === undefined) return { ...server.connection, user: OWNER, password: "plain", database: DATABASE };
  const own = new URL(url);
  own.username = OWNER;
  own.password = "plain";
  own.pathname = `/${DATABASE}`;
  return { url: own.toString() };
}

beforeAll(async () => {
  server = await startTestDatabase(log);
  await withClient(server.connection, (client) =>
    client.query(`CREATE ROLE ${OWNER} LOGIN CREATEROLE NOSUPERUSER PASSWORD 'plain'`),
  );
});
afterAll(async () => {
  if (server?.connection.url !== undefined) {
    await withClient(server.connection, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
      await client.query(`DROP ROLE ${OWNER}`);
    });
  }
  await server?.stop();
});

const OLD_ROWS = `SET ROLE ${SYSTEM_ROLE};
INSERT INTO organizations (id, name, created_at) VALUES ('org_a', 'a', now());
INSERT INTO stacks (id, organization_id, name, placement, version, latest_revision, current_revision, deleting, created_at, updated_at, project)
  VALUES ('stk_a', 'org_a', 'shop', '{}', 1, 2, 1, false, now(), now(), 'shop');
INSERT INTO rollouts (id, organization_id, stack_id, stack_name, kind, revision, body_digest, state, cause, max_parallel,
    failure_budget, stable_ms, deadline_ms, created_by, created_at, started_at)
  VALUES ('rol_1', 'org_a', 'stk_a', 'shop', 'deploy', 1, 'd1', 'succeeded', 'done', 0, 0, 2000, 300000, 'ada', now(), now()),
    ('rol_2', 'org_a', 'stk_a', 'shop', 'deploy', 2, 'd2', 'waiting', 'a host is away', 3, 1, 5000, 60000, 'ada', now(),
      '2026-11-22T10:00:00Z');
INSERT INTO rollout_hosts (rollout_id, host_id, organization_id, host_name, action, state, cause, previous_revision)
  VALUES ('rol_2', 'hst_a', 'org_a', 'edge-1', 'deploy', 'not-reached', 'away', 1);
INSERT INTO host_desired (host_id, organization_id, term, n, changed_at) VALUES ('hst_a', 'org_a', 1, 4, now());
INSERT INTO host_desired_stacks (host_id, stack_id, organization_id, revision, body_digest, attempt)
  VALUES ('hst_a', 'stk_a', 'org_a', 1, 'd1', 'rol_1');
INSERT INTO observed_hosts (host_id, organization_id, term, n, observed_at, received_at, engine_problem)
  VALUES ('hst_a', 'org_a', 1, 4, now(), now(), '');
RESET ROLE;`;

test("rollouts from before waves keep their limits, and go on, also where the owner is no superuser", async () => {
  const settings = await newDatabase();
  await withClient(settings, async (client) => {
    await client.query(rolesSql);
    await migrate(client, before, log);
    await client.query(OLD_ROWS);
    await migrate(client, migrations, log);
    await client.query(`SET ROLE ${SYSTEM_ROLE}`);
    const { rows } = await client.query<{ strategy: unknown; waves: unknown }>(
      "SELECT strategy, waves FROM rollouts ORDER BY id",
    );
    const gate = { stableMs: 5000, deadlineMs: 60000, maxRestarts: 3, probes: [], conditions: [] };
    expect(rows[0]?.strategy).toMatchObject({ maxParallel: 0, failureBudget: 0, onFailure: "stop" });
    expect(rows[1]).toEqual({
      strategy: { waves: [], maxParallel: 3, failureBudget: 1, onFailure: "stop", gate },
      waves: [
        { name: "wave 1", pauseMs: 0, needsApproval: false, maxParallel: 0, startedAt: Date.UTC(2026, 10, 22, 10) },
      ],
    });
    const hosts = await client.query("SELECT wave, retries FROM rollout_hosts");
    expect(hosts.rows).toEqual([{ wave: 1, retries: 0 }]);
    const unforced = await client.query(
      "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity AND relkind IN ('r', 'p')",
    );
    expect(unforced.rows).toEqual([]);
  });
});
