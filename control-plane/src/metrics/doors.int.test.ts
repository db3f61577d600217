import { credentials, Metadata } from "@grpc/grpc-js";
import { promtool } from "@windflow/e2e/testbed";
import { MetricsServiceClient, type FleetMetrics } from "@windflow/proto/api";
import { sql } from "kysely";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { testHosts } from "../testing/hosts.ts";
import { createTestClient } from "../testing/rest.ts";
import type { TestSession } from "../testing/test-agent.ts";

const NAME = "charted";
let app: TestApp;
let hostId = "";
let session: TestSession;

beforeAll(async () => {
  app = await startTestApp();
  const hosts = testHosts(app);
  const identity = await hosts.newHost(NAME, { labels: { site: 'par"is\\', "rack.name": "r1" } });
  ({ hostId } = identity);
  session = await hosts.session(identity);
  const labels = { "com.docker.compose.service": "web" };
  session.send({
    $case: "observed",
    value: {
      at: new Date(),
      digest: "d",
      generation: undefined,
      engineProblem: "",
      stacks: [],
      containers: [{ ...container, labels }],
    },
  });
  const now = Date.now();
  const atMs = [BigInt(now - 10_000), BigInt(now - 5000)];
  const packedColumns = new Uint8Array(0);
  const columns = [
    { name: "cpu_used_ratio", values: [0.25, 0.75] },
    { name: "disk_used_bytes:/var", values: [1e9, 1e9] },
  ];
  const ofContainer = [{ name: "cpu_used_cores", values: [1.5, 1.5] }];
  const entries = [
    { containerId: "", atMs, columns, packedColumns },
    { containerId: container.id, atMs, columns: ofContainer, packedColumns },
  ].map((value, i) => ({ sequence: BigInt(i + 1), at: new Date(), kind: { $case: "samples" as const, value } }));
  session.send({ $case: "spoolBatch", value: { spoolId: "spool-1", entries, dropped: 0n } });
  await session.next("spoolAck");
  // What runs and what was sampled are stored beside each other, in either order.
  await vi.waitFor(async () => {
    if (!(await isKnown(container.id))) throw new Error("the report of the container is not stored yet");
  });
});
afterAll(async () => {
  session?.close();
  await app?.stop();
});

const container = {
  id: "c".repeat(64),
  name: "shop-web-1",
  image: "shop:1",
  imageId: "sha256:1",
  state: "running",
  health: "none",
  exitCode: 0,
  restartCount: 0,
  createdAt: new Date(),
  startedAt: new Date(),
  finishedAt: undefined,
  ports: [],
  mounts: [],
  networks: [],
  command: "run",
  stackId: "stk_shop",
  revision: 1,
  service: "web",
  tty: false,
};
const isKnown = (containerId: string): Promise<boolean> =>
  app.platform.database.asSystem(async (tx) => {
    const answer = await sql`SELECT FROM metric_containers WHERE container_id = ${containerId}`.execute(tx.queries);
    return answer.rows.length === 1;
  });
const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;
const get = (url: string, token = app.token) =>
  createTestClient({
    port: app.port,
    ca: app.ca,
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
  }).call("GET", url);
const last = (values: readonly unknown[]): unknown =>
  values.findLast((value) => value !== "NaN" && !Number.isNaN(value));

test("both doors give the same of many hosts, and of a stack's containers", async () => {
  const answer = await get(path("metrics?column=cpu_percent&groupBy=site&aggregation=METRIC_AGGREGATION_MAXIMUM"));
  expect(answer.status).toBe(200);
  const rest = answer.json as { unit: string; series: { group: string; values: unknown[] }[] };
  expect(rest.unit).toBe("percent");
  expect(rest.series.map(({ group, values }) => [group, last(values)])).toEqual([['par"is\\', 75]]);
  const client = new MetricsServiceClient(`127.0.0.1:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  const request = {
    organization: app.organizationId,
    column: "cpu_percent",
    subjects: 0 as const,
    aggregation: 0 as const,
    hostIds: [],
    hostFilter: "",
    stackId: "stk_shop",
    service: "",
    groupBy: "@service",
    from: undefined,
    to: undefined,
    maxPoints: 0,
  };
  const grpc = await new Promise<FleetMetrics>((resolve, reject) => {
    client.queryFleetMetrics(request, metadata, (error, given) => (error === null ? resolve(given) : reject(error)));
  });
  client.close();
  expect(grpc.series.map(({ group, values }) => [group, last(values)])).toEqual([["web", 150]]);
  expect((await get(path("metrics?column=cpu_percent&stackId=s&subjects=METRIC_SUBJECTS_HOSTS"))).status).toBe(400);
  expect((await get(path("metrics?column=cpu_percent&hostFilter=%3D"))).status).toBe(400);
  expect((await get("/v1/organizations/elsewhere/metrics?column=cpu_percent")).status).toBe(404);
});

test("/metrics needs a token that may read metrics, and shows its own organization only", async () => {
  await app.platform.database.asSystem(async (tx) => {
    await sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_other', 'other', now())`.execute(
      tx.queries,
    );
    await sql`INSERT INTO environments (id, organization_id, name, created_at)
      VALUES ('env_other', 'org_other', 'prod', now())`.execute(tx.queries);
    await sql`INSERT INTO hosts SELECT (jsonb_populate_record(hosts, '{"id": "hst_other", "name": "others-secret",
      "organization_id": "org_other", "environment_id": "env_other"}')).* FROM hosts WHERE id = ${hostId}`.execute(
      tx.queries,
    );
  });
  expect((await get("/metrics", "")).status).toBe(401);
  expect((await get("/metrics", "wft_wrong")).status).toBe(401);
  const made = await app.rest.call("POST", path("apiTokens"), { name: "reader", permissions: ["hosts.read"] });
  const { secret } = made.json as { secret: string };
  expect((await get("/metrics", secret)).status).toBe(403);
  const { status, text } = await get("/metrics");
  expect(status).toBe(200);
  const own = `host_id="${hostId}",host="${NAME}"`;
  for (const line of [
    "# TYPE windflow_host_cpu_used_ratio gauge",
    `windflow_host_up{${own}} 1`,
    `windflow_host_info{${own},presence="online",label_site="par\\"is\\\\",label_rack_name="r1"} 1`,
    `windflow_host_cpu_used_ratio{${own}} 0.75`,
    `windflow_host_disk_used_bytes{${own},mount="/var"} 1000000000`,
    `windflow_container_cpu_used_cores{${own},container_id="${container.id}",container="shop-web-1",service="web",stack_id="stk_shop"} 1.5`,
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).not.toContain("others-secret");
  // What the process does is about all organizations.
  for (const name of ["process_cpu_seconds_total", "windflow_api_calls_total", "nodejs_"])
    expect(text).not.toContain(name);
});

test("how hosts and stacks stand is told as pages tell it", async () => {
  const { text } = await get("/metrics");
  const lines = text.split("\n");
  const own = `host_id="${hostId}",host="${NAME}"`;
  expect(
    lines.filter((line) => line.startsWith("windflow_host_health{") && line.includes(own) && line.endsWith(" 1")),
  ).toHaveLength(1);
  const hosts = lines.filter((line) => line.startsWith("windflow_fleet_hosts_by_health{"));
  expect(hosts.map((line) => Number(line.split(" ")[1])).reduce((sum, one) => sum + one, 0)).toBe(1);
  expect(lines).toContain(`windflow_host_stacks_drifted{${own}} 0`);
});

test("promtool accepts it", async () => {
  const { text } = await get("/metrics");
  const checked = spawnSync(await promtool(), ["check", "metrics"], { input: text, encoding: "utf8" });
  expect({ status: checked.status, complaints: checked.stderr }).toEqual({ status: 0, complaints: "" });
});
