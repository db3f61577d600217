import type { DesiredState } from "@windflow/proto/agent";
import type { Stack } from "@windflow/proto/api";
import { sql } from "kysely";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "./platform/index.ts";
import { testHosts, type TestHosts } from "./testing/hosts.ts";
import { startTestApp, TEST_ADMIN, type TestApp } from "./testing/app.ts";
import { observedStack } from "./testing/observed.ts";
import { createTestClient, type TestResponse } from "./testing/rest.ts";
import { dial, type TestIdentity, type TestSession } from "./testing/test-agent.ts";

// A secret that is used in every way that there is, and then looked for everywhere.
const PASSWORD = `canary-variable-${randomBytes(6).toString("hex")}`;
const KEY = `canary-file-${randomBytes(6).toString("hex")}`;
const REGISTRY_PASSWORD = `canary-registry-${randomBytes(6).toString("hex")}`;
const REGISTRY_TOKEN = `canary-token-${randomBytes(6).toString("hex")}`;
const NEW_PASSWORD = `canary-login-${randomBytes(6).toString("hex")}`;
const yaml = `
services:
  db:
    image: db:1
    command: ["serve", "--password=\${PASSWORD}"]
    environment: {PASSWORD: "\${PASSWORD}", DSN: "db://root:\${PASSWORD}@db"}
    labels: {dsn: "db://\${PASSWORD}"}
    healthcheck: {test: ["CMD", "ping", "\${PASSWORD}"]}
    configs: [app]
    secrets: [key]
configs: {app: {content: "password=\${PASSWORD}"}}
secrets: {key: {environment: KEY}}
`;
const broken = `
services:
  db: {image: "db:\${PASSWORD}", mem_limit: "\${PASSWORD}", ports: ["\${PASSWORD}:80"], privileged: "\${PASSWORD}"}
  \${PASSWORD}: {imag: "\${PASSWORD:?missing}"}
`;

const logged: string[] = [];
const answers: string[] = [];
let app: TestApp;
let hosts: TestHosts;
let identity: TestIdentity;
let session: TestSession;
beforeAll(async () => {
  const log = createLog({ level: "trace", destination: { write: (line: string) => logged.push(line) } });
  app = await startTestApp({ log });
  hosts = testHosts(app);
  identity = await hosts.newHost("keeper");
  session = await hosts.session(identity);
});
afterAll(async () => {
  session.close();
  await app.stop();
});

async function call(method: string, rest: string, body?: unknown, key?: string): Promise<TestResponse> {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const answer = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body, headers);
  answers.push(answer.text, JSON.stringify(answer.headers));
  return answer;
}
const secret = (name: string, value: string) => ({ name, value, secret: true });
const source = (text: string) => ({
  files: { "compose.yaml": text },
  variables: [secret("PASSWORD", PASSWORD), secret("KEY", KEY)],
});

async function desiredState(): Promise<DesiredState> {
  const desired = await session.next("desiredState");
  return desired.stacks.length > 0 ? desired : desiredState();
}

/** Deploys it through the public doors to a host that takes it, and reads all that can be read of it. */
async function deploy(): Promise<string> {
  const created = await call("POST", "stacks", { name: "canary", placement: { hostIds: [identity.hostId] } });
  const { id } = created.json as Stack;
  expect((await call("POST", `stacks/${id}/revisions`, { source: source(broken) })).status).toBe(400);
  expect((await call("POST", "stacks:render", { source: source(yaml), projectName: "canary" })).status).toBe(200);
  const planning = call("POST", `stacks/${id}:plan`, { source: source(yaml) });
  const { requestId } = await session.next("planRequest");
  const plan = { steps: [], text: "create-container canary-db-1", observedAt: new Date(), problem: "" };
  session.send({ $case: "planReply", value: { requestId, expectedDowntimeSeconds: {}, ...plan } });
  expect((await planning).status).toBe(200);
  const revised = await call("POST", `stacks/${id}/revisions`, { source: source(yaml), message: "first" }, "once");
  expect(revised).toMatchObject({ status: 200 });
  // The answer that is kept for a repetition, and the request that a repetition is compared with.
  await call("POST", `stacks/${id}/revisions`, { source: source(yaml), message: "first" }, "once");
  expect((await call("POST", "rollouts", { stackId: id })).status).toBe(200);
  const desired = await desiredState();
  const client = dial(app, identity);
  const digest = desired.stacks[0]?.bodyDigest ?? "";
  for await (const { content } of client.fetchBody({ digest, offset: 0n }) as AsyncIterable<{ content: Uint8Array }>) {
    answers.push(Buffer.from(content).toString("latin1"));
  }
  const sealed = await new Promise<unknown>((resolve, reject) =>
    client.fetchSecrets({ stackId: id, revision: 1 }, (error, answer) =>
      error === null ? resolve(answer.sealed) : reject(error),
    ),
  );
  expect(sealed).toMatchObject({ ciphertext: expect.anything() });
  answers.push(Buffer.from((sealed as { ciphertext: Uint8Array }).ciphertext).toString("latin1"));
  client.close();
  const stack = observedStack({ stackId: id, revision: 1, healthySince: new Date(0) });
  const state = { at: new Date(), digest: "d1", generation: desired.generation, engineProblem: "", containers: [] };
  session.send({ $case: "observed", value: { ...state, stacks: [stack] } });
  return id;
}

async function readAll(stackId: string): Promise<void> {
  const lists = ["stacks", `stacks/${stackId}`, `stacks/${stackId}/revisions`, `stacks/${stackId}/revisions/1`];
  for (const path of [...lists, "rollouts", "events", "containers", "hosts", "apiTokens", "enrollmentTokens"]) {
    expect([path, (await call("GET", path)).status]).toEqual([path, 200]);
  }
  const entries = await app.platform.database.asSystem((tx) =>
    sql<{ text: string }>`SELECT t::text AS text FROM audit_entries t`.execute(tx.queries),
  );
  expect(entries.rows.some(({ text }) => text.includes("stacks.createRevision"))).toBe(true);
}

/** The tables in which a text stands: as it is, in hexadecimal (how bytes are written), or in base64. */
async function tablesWith(text: string): Promise<string[]> {
  const bytes = Buffer.from(text);
  // Base64 at any offset has this in it.
  const base64 = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
  const shown = await app.platform.database.asSystem(async (tx) => {
    const tables = await sql<{ name: string }>`SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND has_table_privilege('windflow_system', oid, 'SELECT')`.execute(tx.queries);
    expect(tables.rows.length).toBeGreaterThan(20);
    const found: string[] = [];
    for (const { name } of tables.rows) {
      const rows = await sql`SELECT 1 FROM ${sql.table(name)} t WHERE strpos(t::text, ${text}) > 0
        OR strpos(t::text, ${bytes.toString("hex")}) > 0 OR strpos(t::text, ${base64}) > 0 LIMIT 1`.execute(tx.queries);
      if (rows.rows.length > 0) found.push(name);
    }
    return found;
  });
  return shown;
}

test("secrets of a stack stand in no table, no log line and no answer", async () => {
  const stackId = await deploy();
  await expect.poll(async () => (await call("GET", `stacks/${stackId}`)).json).toMatchObject({ currentRevision: 1 });
  await readAll(stackId);
  for (const canary of [PASSWORD, KEY]) {
    expect(await tablesWith(canary)).toEqual([]);
    expect(answers.filter((answer) => answer.includes(canary))).toEqual([]);
    expect(logged.filter((line) => line.includes(canary))).toEqual([]);
  }
  // The search finds what is there.
  expect(await tablesWith("PASSWORD@1")).toEqual(["stack_revisions"]);
});

test("the password of a registry stands in no table, no log line and no answer", async () => {
  const given = { address: "registry.example.com", username: "ci", password: REGISTRY_PASSWORD };
  const created = await call("POST", "registries", given, "registry");
  expect(created).toMatchObject({ status: 200 });
  await call("POST", "registries", given, "registry");
  // Refused: the answer names what is wrong, and the wrong place for a password is one of the ways to go wrong.
  const misplaced = { ...given, address: `https://ci:${REGISTRY_PASSWORD}@registry.example.com` };
  expect((await call("POST", "registries", misplaced)).status).toBe(400);
  expect((await call("POST", "registries", given)).status).toBe(409);
  const { id } = created.json as { id: string };
  expect((await call("PATCH", `registries/${id}`, { password: REGISTRY_TOKEN })).status).toBe(200);
  const testing = call("POST", `registries/${id}:test`, {});
  const { requestId, sealed } = await session.next("registryRequest");
  answers.push(Buffer.from(sealed).toString("latin1"));
  session.send({ $case: "registryReply", value: { requestId, problem: "the registry refused the credentials" } });
  expect((await testing).status).toBe(200);
  for (const path of ["registries", "events"]) expect((await call("GET", path)).status).toBe(200);
  for (const canary of [REGISTRY_PASSWORD, REGISTRY_TOKEN]) {
    expect(await tablesWith(canary)).toEqual([]);
    expect(answers.filter((answer) => answer.includes(canary))).toEqual([]);
    expect(logged.filter((line) => line.includes(canary))).toEqual([]);
  }
  expect(await tablesWith("registry.example.com")).toContain("registries");
});

test("passwords, sessions and tokens stand in no table and no log line, also where an answer is kept", async () => {
  const origin = { origin: app.url };
  const visitor = createTestClient({ port: app.port, ca: app.ca, headers: origin });
  const wrong = { email: TEST_ADMIN, password: PASSWORD };
  expect((await visitor.call("POST", "/v1/auth:signIn", wrong)).status).toBe(401);
  const right = { email: TEST_ADMIN, password: app.firstPassword };
  const entered = await visitor.call("POST", "/v1/auth:signIn", right);
  const cookie = String(entered.headers["set-cookie"]).split(";")[0] ?? "";
  const changed = { currentPassword: app.firstPassword, newPassword: NEW_PASSWORD };
  expect((await visitor.call("POST", "/v1/auth:changePassword", changed, { cookie })).status).toBe(200);
  const made = await call("POST", "apiTokens", { name: "canary", permissions: ["hosts.read"] }, "token");
  const joined = await call("POST", "enrollmentTokens", { name: "canary" }, "join");
  const tokens = [made, joined].map(({ json }) => (json as { secret: string }).secret);
  expect(tokens.map((text) => text.slice(0, 4))).toEqual(["wft_", "wfj_"]);
  const session = cookie.split("=")[1] ?? "";
  for (const canary of [app.firstPassword, NEW_PASSWORD, session, app.token, ...tokens]) {
    expect(canary.length).toBeGreaterThan(15);
    expect(await tablesWith(canary)).toEqual([]);
    expect(logged.filter((line) => line.includes(canary))).toEqual([]);
  }
});
