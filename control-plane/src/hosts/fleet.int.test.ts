import { credentials, Metadata } from "@grpc/grpc-js";
import { ObservedState, type ObservedStack } from "@windflow/proto/agent";
import {
  HostsServiceClient,
  type ListEventsResponse,
  type ListHostTimelineResponse,
  type ListHostsResponse,
  type ListStacksResponse,
  type SavedView,
  type Stack,
  type MapHostsResponse,
  type SummarizeHostsResponse,
} from "@windflow/proto/api";
import { sql } from "kysely";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fillCounted } from "../containers/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { observedService, observedStack } from "../testing/observed.ts";
import { createTestClient, type TestClient } from "../testing/rest.ts";
import type { TestIdentity, TestSession } from "../testing/test-agent.ts";

let app: TestApp;
let stateDirectory: string;
let hosts: TestHosts;
let reader: TestClient;
const identities = new Map<string, TestIdentity>();
const sessions = new Map<string, TestSession>();
let shop: Stack;

const call = async <Answer>(method: string, rest: string, body?: unknown, client = app.rest) => {
  const { status, json } = await client.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  return { status, json: json as Answer & { code?: string } };
};
const tokenWith = async (permissions: string[]): Promise<TestClient> => {
  const { json } = await call<{ secret: string }>("POST", "apiTokens", { name: permissions.join(" "), permissions });
  const headers = { authorization: `Bearer ${json.secret}` };
  return createTestClient({ port: app.port, ca: app.ca, headers });
};
const identityOf = (name: string): TestIdentity => identities.get(name) ?? ({} as TestIdentity);
const sessionOf = (name: string): TestSession => sessions.get(name) ?? ({} as TestSession);

async function report(name: string, stack: Partial<ObservedStack>, more: Partial<ObservedState> = {}): Promise<void> {
  const { generation } = await sessionOf(name)
    .next("desiredState", 10)
    .catch(() => ({ generation: undefined }));
  const state = ObservedState.fromPartial({
    at: new Date(),
    digest: `${name} ${Math.random()}`,
    generation: generation ?? { term: 1n, n: 1n },
    stacks: [observedStack({ stackId: shop.id, revision: 1, ...stack })],
    ...more,
  });
  sessionOf(name).send({ $case: "observed", value: state });
}

beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "windflow-fleet-"));
  app = await startTestApp({ stateDirectory });
  hosts = testHosts(app);
  reader = await tokenWith(["hosts.read"]);
  for (const [name, site] of [
    ["alpha", "paris"],
    ["beta", "paris"],
    ["gamma", "New York"],
    ["delta", ""],
  ] as const) {
    const identity = await hosts.newHost(name, site === "" ? {} : { labels: { site } });
    identities.set(name, identity);
    if (name !== "delta") sessions.set(name, await hosts.session(identity));
  }
  const on = ["alpha", "beta"].map((name) => identityOf(name).hostId);
  shop = (await call<Stack>("POST", "stacks", { name: "shop", placement: { hostIds: on } })).json;
  const files = { "compose.yaml": "services: {web: {image: web:1}, db: {image: db:1}}" };
  await call("PATCH", `stacks/${shop.id}`, { policy: { drift: "DRIFT_REPORT" } });
  await call("POST", `stacks/${shop.id}/revisions`, { source: { files } });
  await call("POST", "rollouts", { stackId: shop.id });
  for (const name of ["alpha", "beta", "gamma"]) await sessionOf(name).next("desiredState");
  const services = [observedService({ service: "web" }), observedService({ service: "db" })];
  await report("alpha", { services });
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const looping = { service: "web", state: "crash-looping", cause: "it keeps ending", lastLogLines: lines };
  const nextAttemptAt = new Date(Date.now() + 60_000);
  const evidence = ["shop-web-1: Exited (1) 3 seconds ago"];
  await report("beta", {
    services: [observedService({ ...looping, nextAttemptAt, evidence }), observedService({ service: "db" })],
    drift: [{ op: "create-container", target: "container shop-db-2", cause: "it is gone", service: "db" }],
    heldRevision: 1,
  });
  await report("gamma", {}, { stacks: [] });
  await hosts.until(identityOf("beta").hostId, (host) => String(host.health) === "HEALTH_FAILED");
  await hosts.until(identityOf("alpha").hostId, (host) => String(host.health) === "HEALTH_OK");
  await hosts.until(identityOf("gamma").hostId, (host) => String(host.health) === "HEALTH_EMPTY");
});
afterAll(async () => {
  for (const session of sessions.values()) session.close();
  await app.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

const list = async (filter: string): Promise<string[]> => {
  const query = new URLSearchParams({ filter }).toString();
  return (await call<ListHostsResponse>("GET", `hosts?${query}`)).json.hosts.map((host) => host.name);
};

describe("the health of hosts", () => {
  it("is the worst of their stacks with its names, and what is drifted and held", async () => {
    expect(await hosts.get(identityOf("alpha").hostId)).toMatchObject({ healthSummary: "2 ok", stacksDrifted: 0 });
    expect(await hosts.get(identityOf("beta").hostId)).toMatchObject({
      health: "HEALTH_FAILED",
      healthSummary: "1 ok, 1 crash-looping: shop/web",
      stacksDrifted: 1,
      stacksHeld: 1,
    });
    expect(await hosts.get(identityOf("delta").hostId)).toMatchObject({
      health: "HEALTH_UNKNOWN",
      healthSummary: "its agent has not connected yet",
    });
  });

  it("is a filter, as drift, stack and environment are; an empty value means without the label", async () => {
    expect(await list("health=failed")).toEqual(["beta"]);
    expect(await list("health=unknown")).toEqual(["delta"]);
    expect(await list("health=ok health=empty")).toEqual(["alpha", "gamma"]);
    expect(await list("drifted=yes")).toEqual(["beta"]);
    expect(await list("drifted=no site=paris")).toEqual(["alpha"]);
    expect(await list("stack=shop health=ok")).toEqual(["alpha"]);
    expect(await list("stack=nobody")).toEqual([]);
    expect(await list('site=""')).toEqual(["delta"]);
    expect(await list('site="New York" environment=prod')).toEqual(["gamma"]);
    expect(await list("environment=other")).toEqual([]);
    for (const filter of ["health=fine", "drifted=maybe", "stack=", "environment="]) {
      const query = new URLSearchParams({ filter }).toString();
      expect(await call("GET", `hosts?${query}`)).toMatchObject({
        status: 400,
        json: { code: "WF_HOST_FILTER_INVALID" },
      });
    }
  });

  it("is counted for the fleet and by label, through both doors", async () => {
    const { json } = await call<SummarizeHostsResponse>("GET", "hosts:summary?groupBy=site", undefined, reader);
    expect(json.groups.map(({ value, hosts: count, summary }) => [value, count, summary])).toEqual([
      ["New York", 1, "1 empty"],
      ["paris", 2, "1 ok, 1 failed"],
      ["", 1, "1 not reached"],
    ]);
    expect(json).toMatchObject({
      total: { hosts: 4, ok: 1, failed: 1, unknown: 1, empty: 1, drifted: 1, presence: { online: 3, neverSeen: 1 } },
      labels: ["site"],
      groupsLeftOut: 0,
    });
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${app.token}`);
    const client = new HostsServiceClient(`127.0.0.1:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
    const request = { organization: app.organizationId, filter: "site=paris", groupBy: "@environment" };
    const over = await new Promise<SummarizeHostsResponse>((resolve, reject) =>
      client.summarizeHosts(request, metadata, (error, answer) => (error === null ? resolve(answer) : reject(error))),
    );
    client.close();
    expect(over.groups.map(({ value, hosts: count }) => [value, count])).toEqual([["prod", 2]]);
  });

  it("is on the map, by columns of equal length", async () => {
    const { json } = await call<MapHostsResponse>("GET", "hosts:map?groupBy=site", undefined, reader);
    expect(json).toMatchObject({
      names: ["alpha", "beta", "delta", "gamma"],
      healths: ["HEALTH_OK", "HEALTH_FAILED", "HEALTH_UNKNOWN", "HEALTH_EMPTY"],
      presences: ["PRESENCE_ONLINE", "PRESENCE_ONLINE", "PRESENCE_NEVER_SEEN", "PRESENCE_ONLINE"],
      drifted: [false, true, false, false],
      total: 4,
    });
    expect(json.groups.map((group) => json.values[group])).toEqual(["paris", "paris", "", "New York"]);
    expect(json.ids[1]).toBe(identityOf("beta").hostId);
    expect((await call<MapHostsResponse>("GET", "hosts:map?filter=health%3Dfailed")).json.names).toEqual(["beta"]);
  });

  it("is judged at the start for hosts that reported before it was kept: they report nothing again", async () => {
    await app.platform.database.asSystem((tx) => sql`DELETE FROM host_health`.execute(tx.queries));
    expect(String((await hosts.get(identityOf("beta").hostId)).health)).toBe("HEALTH_UNKNOWN");
    const second = await startTestApp({ database: app.database, stateDirectory });
    await hosts.until(identityOf("beta").hostId, (host) => String(host.health) === "HEALTH_FAILED");
    await hosts.until(identityOf("gamma").hostId, (host) => String(host.health) === "HEALTH_EMPTY");
    await second.stop();
  });

  it("is unknown, not failed, once a host is away, and what was last known is named", async () => {
    const { hostId } = identityOf("beta");
    await app.platform.database.asSystem((tx) =>
      sql`UPDATE hosts SET presence = 'offline', presence_cause = 'silent' WHERE id = ${hostId}`.execute(tx.queries),
    );
    const host = await hosts.get(hostId);
    expect(host).toMatchObject({ health: "HEALTH_UNKNOWN" });
    expect(host.healthSummary).toMatch(
      /^not reached since \d\d:\d\d UTC; last known: 1 ok, 1 crash-looping: shop\/web$/,
    );
    expect(await list("health=failed")).toEqual([]);
    const { json } = await call<Stack>("GET", `stacks/${shop.id}`);
    expect(json.status).toMatchObject({ hostsOk: 1, hostsFailed: 0, hostsNotReached: 1, hostsUnknown: 0 });
    expect(json.status?.summary).toMatch(/^1 ok, 1 not reached since \d\d:\d\d UTC$/);
    // A list counts hosts that stand alike by what is kept of their reports, and one by one those of which nothing is kept.
    const listed = async () => (await call<ListStacksResponse>("GET", "stacks")).json.stacks;
    const counts = (await listed()).find(({ id }) => id === shop.id)?.status;
    expect(counts).toEqual({ ...json.status, hosts: [] });
    await app.platform.database.asSystem((tx) =>
      sql`UPDATE observed_stacks SET service_states = NULL`.execute(tx.queries),
    );
    expect((await listed()).find(({ id }) => id === shop.id)?.status).toEqual(counts);
    await fillCounted(app.platform.database);
    expect((await listed()).find(({ id }) => id === shop.id)?.status).toEqual(counts);
    await app.platform.database.asSystem((tx) =>
      sql`UPDATE hosts SET presence = 'online' WHERE id = ${hostId}`.execute(tx.queries),
    );
  });
});

describe("a stack's status", () => {
  it("has what the host holds, what differs, its age, the last lines and the next attempt", async () => {
    const { json } = await call<Stack>("GET", `stacks/${shop.id}`);
    const beta = json.status?.hosts.find((host) => host.hostName === "beta");
    expect(beta).toMatchObject({
      heldRevision: 1,
      drift: ["create-container container shop-db-2: it is gone"],
      services: [{ service: "web", state: "SERVICE_STATE_CRASH_LOOPING" }, { service: "db" }],
    });
    expect(beta?.ageSeconds).toBeGreaterThanOrEqual(0);
    expect(beta?.ageSeconds).toBeLessThan(60);
    const web = beta?.services[0];
    expect(web?.lastLogLines).toHaveLength(20);
    expect(web?.lastLogLines.at(-1)).toBe("line 29");
    expect(new Date(web?.nextAttemptAt ?? 0).getTime()).toBeGreaterThan(Date.now());
    expect(web?.evidence).toEqual(["shop-web-1: Exited (1) 3 seconds ago"]);
    expect(json.hostsDrifted).toBe(1);
  });

  it("is asked for one host alone", async () => {
    const { hostId } = identityOf("alpha");
    const { json } = await call<ListStacksResponse>("GET", `stacks?hostId=${hostId}`);
    expect(json.stacks.map((stack) => [stack.name, stack.status?.summary])).toEqual([["shop", "1 ok"]]);
    expect(json.stacks[0]?.status?.hosts.map((host) => host.hostName)).toEqual(["alpha"]);
    const none = await call<ListStacksResponse>("GET", `stacks?hostId=${identityOf("gamma").hostId}`);
    expect(none.json).toMatchObject({ stacks: [], total: 0 });
  });
});

describe("a host's timeline", () => {
  const timeline = async (hostId: string, query: Record<string, string> = {}): Promise<ListHostTimelineResponse> => {
    const text = new URLSearchParams(query).toString();
    return (await call<ListHostTimelineResponse>("GET", `hosts/${hostId}/timeline?${text}`)).json;
  };

  it("merges sessions, rollouts, drift, containers and people's acts by time, in pages, by kind, late ones named", async () => {
    const { hostId } = identityOf("beta");
    const entry = (message: string, ms: number) => ({
      type: "container.die",
      containerId: "c1",
      containerName: "shop-web-1",
      stackId: shop.id,
      service: "web",
      message,
      severity: "error",
      attributes: {},
      ms,
    });
    const entries = [entry("late", 600_000), entry("now", 0)].map(({ ms, ...value }, i) => ({
      sequence: BigInt(i + 1),
      at: new Date(Date.now() - ms),
      kind: { $case: "event" as const, value },
    }));
    sessionOf("beta").send({ $case: "spoolBatch", value: { spoolId: "spool-1", entries, dropped: 0n } });
    await sessionOf("beta").next("spoolAck");
    await call("PATCH", `hosts/${hostId}`, { labels: { site: "paris", rack: "4" } });
    const whole = await timeline(hostId);
    const times = whole.entries.map(({ at }) => new Date(at ?? 0).getTime());
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(new Set(whole.entries.map(({ kind }) => kind))).toEqual(
      new Set(["session", "rollout", "drift", "container", "host", "person"]),
    );
    expect(whole.entries.find(({ type }) => type === "rollout.began")).toMatchObject({
      message: "shop: revision 1 begins",
      stackName: "shop",
      stackId: shop.id,
    });
    expect(whole.entries.find(({ type }) => type === "drift.found")).toMatchObject({ severity: "warning" });
    const late = whole.entries.find(({ message }) => message === "late");
    expect(late?.receivedAt).toBeDefined();
    expect(whole.entries.find(({ message }) => message === "now")?.receivedAt).toBeUndefined();
    // The act has one entry, although the audit trail and the history both have it.
    expect(whole.entries.filter(({ kind }) => kind === "person")).toHaveLength(1);

    const paged: string[] = [];
    let token = "";
    do {
      const page = await timeline(hostId, { "page.size": "2", "page.token": token });
      paged.push(...page.entries.map(({ id }) => id));
      token = page.nextPageToken;
    } while (token !== "");
    expect(paged).toEqual(whole.entries.map(({ id }) => id));
    const containers = await timeline(hostId, { kinds: "container" });
    expect(containers.entries.map(({ message }) => message)).toEqual(["now", "late"]);
    expect(await call("GET", `hosts/${hostId}/timeline?kinds=weather`)).toMatchObject({ status: 400 });
    expect(await call("GET", "hosts/hst_nobody/timeline")).toMatchObject({ status: 404 });
  });

  it("names hosts and stacks in the list of events", async () => {
    const { hostId } = identityOf("beta");
    const { json } = await call<ListEventsResponse>("GET", `events?hostId=${hostId}`);
    expect(json.events.find(({ type }) => type === "container.die")).toMatchObject({
      hostName: "beta",
      stackName: "shop",
    });
  });
});

describe("saved views", () => {
  const save = (view: Record<string, unknown>, client = app.rest) =>
    call<SavedView>("POST", "savedViews", { view: { list: "hosts", ...view } }, client);
  const names = async (client = app.rest): Promise<string[]> =>
    (await call<{ views: SavedView[] }>("GET", "savedViews?list=hosts", undefined, client)).json.views.map(
      (view) => view.name,
    );

  it("are the caller's own until they are shared; the same name is the same view, an id renames it", async () => {
    const first = (await save({ name: "ill", filter: "health=failed" })).json;
    expect(first).toMatchObject({ own: true, shared: false, filter: "health=failed" });
    const again = (await save({ name: "ill", filter: "health=failed site=paris", groupBy: "site" })).json;
    expect(again).toMatchObject({ id: first.id, groupBy: "site" });
    expect((await save({ id: first.id, name: "ill in Paris", filter: "site=paris" })).json).toMatchObject({
      id: first.id,
    });
    expect(await names()).toEqual(["ill in Paris"]);
    expect(await names(reader)).toEqual([]);
    await save({ name: "mine" }, reader);
    expect(await save({ id: first.id, name: "taken over" }, reader)).toMatchObject({ status: 404 });
    await save({ id: first.id, name: "ill in Paris", shared: true });
    expect(await names(reader)).toEqual(["ill in Paris", "mine"]);
    expect(await save({ name: "wrong", filter: "health=fine" })).toMatchObject({ status: 400 });
    expect(await save({ id: first.id, name: "" })).toMatchObject({ status: 400 });
  });

  it("are deleted by who made them, shared ones by who may write hosts, and every change is audited", async () => {
    const shared = (await save({ name: "of all", shared: true })).json;
    const foreign = (await save({ name: "of the reader", shared: true }, reader)).json;
    expect(await call("DELETE", `savedViews/${shared.id}`, undefined, reader)).toMatchObject({ status: 403 });
    expect((await call("DELETE", `savedViews/${foreign.id}`)).status).toBe(200);
    expect((await call("DELETE", `savedViews/${shared.id}`)).status).toBe(200);
    expect((await call("DELETE", `savedViews/${shared.id}`)).status).toBe(404);
    const { rows } = await app.platform.database.inOrganization(app.organizationId, (tx) =>
      sql<{
        action: string;
      }>`SELECT action FROM audit_entries WHERE target_id = ${shared.id} ORDER BY sequence`.execute(tx.queries),
    );
    expect(rows.map(({ action }) => action)).toEqual(["savedViews.save", "savedViews.delete"]);
  });
});

describe("another organization, and who may not read hosts", () => {
  it("get nothing", async () => {
    const stranger = await tokenWith(["events.read"]);
    for (const rest of ["hosts:summary", "hosts:map", `hosts/${identityOf("beta").hostId}/timeline`, "savedViews"])
      expect((await call("GET", rest, undefined, stranger)).status).toBe(403);
    const seen = await app.platform.database
      .asSystem(async (tx) => {
        await sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_other', 'other', now())`.execute(
          tx.queries,
        );
      })
      .then(() =>
        app.platform.database.inOrganization("org_other", async (tx) => {
          const { rows } = await sql<{
            n: bigint;
          }>`SELECT (SELECT count(*) FROM host_health) + (SELECT count(*) FROM saved_views)
          + (SELECT count(*) FROM drifts) AS n`.execute(tx.queries);
          return rows[0]?.n;
        }),
      );
    expect(seen).toBe(0n);
  });
});
