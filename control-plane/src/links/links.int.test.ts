import type { LinkReport } from "@windflow/proto/agent";
import type { Host, HostLink, LinkProfile, ListLinkProfilesResponse } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { jumpingClock } from "../testing/jumping-clock.ts";
import { createTestClient } from "../testing/rest.ts";
import { linksOf } from "./index.ts";
import { MOST_PROFILES } from "./service.ts";

let app: TestApp;
let hosts: TestHosts;
const clock = jumpingClock();
beforeAll(async () => {
  app = await startTestApp({ clock });
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const PATIENCE = { timeout: 10_000 };
const call = (method: string, rest: string, body?: unknown): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
const at = (site: string): unknown[] => [{ key: "site", operator: "OPERATOR_EQUALS", values: [site] }];
const night = { class: "CLASS_LAYERS", bytesPerSecond: "50000", from: "22:00", until: "06:00", weekdays: [5, 5, 1] };
const rule = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: "cabinets",
  order: 10,
  expressions: at("cabinet"),
  limits: [{ class: "CLASS_LAYERS", bytesPerSecond: "0" }],
  timeZone: "Europe/Paris",
  ...over,
});
async function make(over: Record<string, unknown> = {}): Promise<LinkProfile> {
  const answer = await call("POST", "linkProfiles", { rule: rule(over) });
  expect(answer.text).toContain('"id"');
  return answer.json as LinkProfile;
}
const codeOf = ({ json }: TestResponse): unknown => (json as { code: string }).code;
const linkOf = async (hostId: string): Promise<HostLink> =>
  (await call("GET", `hosts/${hostId}/link`)).json as HostLink;
const remove = async (...made: LinkProfile[]): Promise<void> => {
  for (const { id } of made) expect((await call("DELETE", `linkProfiles/${id}`)).status).toBe(200);
};

test("a profile is made, read, changed and deleted with an audit trail; what makes no sense is refused with its place", async () => {
  await hosts.newHost("cabinet-0", { labels: { site: "cabinet" } });
  const made = await make({ limits: [night], siteLabel: "site", images: "IMAGE_SOURCE_CONTROL_PLANE" });
  expect(made).toMatchObject({
    etag: "1",
    hosts: 1,
    rule: { limits: [{ ...night, weekdays: [1, 5] }], siteLabel: "site" },
  });
  expect(await call("POST", "linkProfiles", { rule: rule() })).toMatchObject({ json: { code: "WF_ALREADY_EXISTS" } });
  const change = { rule: rule({ name: "all", expressions: [] }), etag: "1" };
  expect((await call("PATCH", `linkProfiles/${made.id}`, change)).json).toMatchObject({ etag: "2" });
  expect(codeOf(await call("PATCH", `linkProfiles/${made.id}`, change))).toBe("WF_ETAG_MISMATCH");
  await remove(made);
  expect(codeOf(await call("DELETE", `linkProfiles/${made.id}`))).toBe("WF_NOT_FOUND");
  const acts = await app.platform.database.inOrganization(app.organizationId, async (tx) => {
    const { rows } = await sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${made.id}
      ORDER BY sequence`.execute(tx.queries);
    return rows.map(({ action }) => action);
  });
  expect(acts).toEqual(["links.create", "links.update", "links.delete"]);

  const placesOf = async (over: Record<string, unknown>): Promise<string[]> => {
    const answer = await call("POST", "linkProfiles", { rule: rule(over) });
    expect(answer.status).toBe(400);
    return (answer.json as { violations: { path: string }[] }).violations.map(({ path }) => path);
  };
  const limit = { class: "CLASS_LOGS", bytesPerSecond: "5" };
  expect(await placesOf({ timeZone: "Europe/Nowhere" })).toEqual(["rule.timeZone"]);
  expect(await placesOf({ limits: [{ class: "CLASS_CONTROL", bytesPerSecond: "999" }] })).toEqual([
    "rule.limits[0].bytesPerSecond",
  ]);
  expect(await placesOf({ limits: [limit, { ...limit, from: "22:00" }] })).toEqual(["rule.limits[1].until"]);
  expect(await placesOf({ limits: [{ ...limit, from: "22:00", until: "22:00" }] })).toEqual(["rule.limits[0].until"]);
  expect(await placesOf({ expressions: [{ key: "fact/arch", operator: "OPERATOR_EXISTS" }] })).toEqual([
    "rule.expressions[0].key",
  ]);
});

test("a host is told at once what it may do when a profile or its labels change, and nothing while no profile is about it", async () => {
  const identity = await hosts.newHost("cabinet-1", { labels: { site: "cabinet" } });
  const { hostId } = identity;
  const session = await hosts.session(identity);
  expect(session.welcome.intervals).toMatchObject({ heartbeatMs: 15_000 });
  await expect(session.next("linkSettings", 300)).rejects.toThrow(/no linkSettings/);
  expect(await linkOf(hostId)).toMatchObject({ followed: true, usage: [{}, {}, {}, {}] });

  const wide = await make({ name: "wide", order: 20, expressions: [], metered: true });
  expect((await session.next("intervals")).heartbeatMs).toBe(240_000);
  const first = await session.next("linkSettings");
  expect(first).toMatchObject({ metered: true, limits: [{ class: "layers", bytesPerSecond: 0n }] });
  // The first by order counts.
  const narrow = await make({ name: "narrow", order: 1, limits: [night], siteLabel: "site" });
  expect((await session.next("intervals")).heartbeatMs).toBe(15_000);
  const settings = await session.next("linkSettings");
  expect(settings).toMatchObject({
    metered: false,
    peers: true,
    timeZone: "Europe/Paris",
    limits: [{ class: "layers", bytesPerSecond: 50_000n, fromMinute: 1_320, untilMinute: 360, weekdays: [1, 5] }],
  });
  expect(await linkOf(hostId)).toMatchObject({ followed: false, profile: { id: narrow.id, hosts: 2 } });
  const report: LinkReport = {
    digest: settings.digest,
    usage: [{ class: "layers", bytesSent: 1n, bytesReceived: 5_000_000n, bytesFromPeers: 7n }],
  };
  session.send({ $case: "linkReport", value: report });
  await vi.waitFor(async () => {
    const { followed, usage } = await linkOf(hostId);
    expect(followed).toBe(true);
    expect(usage.find((used) => String(used.class) === "CLASS_LAYERS")).toMatchObject({ bytesReceived: "5000000" });
  }, PATIENCE);
  expect(await hosts.get(hostId)).toMatchObject({ linkProfileId: narrow.id, linkProfileName: "narrow" });
  const { hosts: listed } = (await call("GET", "hosts")).json as { hosts: Host[] };
  expect(listed.find(({ id }) => id === hostId)).toMatchObject({ linkProfileName: "narrow" });

  expect((await call("PATCH", `hosts/${hostId}`, { labels: { site: "office" } })).status).toBe(200);
  expect((await session.next("linkSettings")).digest).toBe(first.digest);
  session.close();
  // What it follows already it is not told again; it keeps it while the control plane is away.
  const again = await hosts.session(identity, { linkDigest: first.digest });
  expect(again.welcome.intervals).toMatchObject({ heartbeatMs: 240_000 });
  await expect(again.next("linkSettings", 300)).rejects.toThrow(/no linkSettings/);
  await remove(wide, narrow);
  expect(await again.next("linkSettings")).toMatchObject({ digest: "", metered: false, limits: [] });
  again.close();
});

test("a metered host is online by its own interval, and stale by the usual one as soon as its session has ended", async () => {
  const identity = await hosts.newHost("metered", { labels: { site: "sea" } });
  const { hostId } = identity;
  const profile = await make({ expressions: at("sea"), metered: true });
  const session = await hosts.session(identity);
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      clock.jump(5_000);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  };
  const is = (presence: string) => (host: Host) => String(host.presence) === `PRESENCE_${presence}`;
  expect((await hosts.get(hostId)).metered).toBe(true);
  // Two heartbeats that did not come.
  await pass(600_000);
  expect(await hosts.get(hostId)).toSatisfy(is("ONLINE"));
  await pass(130_000);
  await hosts.until(hostId, is("STALE"));
  session.send({ $case: "heartbeat", value: { agentTime: undefined, engineOk: true, engineProblem: "" } });
  await session.next("heartbeatReply");
  await pass(5_000);
  await hosts.until(hostId, is("ONLINE"));
  // No longer metered: its usual silence counts from its next word on.
  await remove(profile);
  await session.next("linkSettings");
  await pass(60_000);
  expect(await hosts.get(hostId)).toSatisfy(is("ONLINE"));
  session.send({ $case: "heartbeat", value: { agentTime: undefined, engineOk: true, engineProblem: "" } });
  await session.next("heartbeatReply");
  await pass(60_000);
  await hosts.until(hostId, is("STALE"));
  session.close();

  const back = await make({ expressions: at("sea"), metered: true });
  const next = await hosts.session(identity);
  await hosts.until(hostId, is("ONLINE"));
  await pass(200_000);
  next.close();
  await pass(30_000);
  expect(await hosts.get(hostId)).toSatisfy(is("ONLINE"));
  await pass(30_000);
  await hosts.until(hostId, is("STALE"));
  await pass(50_000);
  await hosts.until(hostId, is("OFFLINE"));
  await remove(back);
});

test("profiles come in pages by order, are bounded in number, are nobody else's, and are written by those who may", async () => {
  const { id } = await make({ name: "profile 0", order: 0 });
  // One call for each would take longer than all else here.
  await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql`INSERT INTO link_profiles SELECT id || i, organization_id, 'profile ' || i, rule || jsonb_build_object('order', i % 7),
        version, created_by, created_at, updated_at
      FROM link_profiles, generate_series(1, ${MOST_PROFILES - 1}) AS i WHERE id = ${id}`.execute(tx.queries),
  );
  expect(codeOf(await call("POST", "linkProfiles", { rule: rule() }))).toBe("WF_LINK_PROFILE_LIMIT");
  const first = (await call("GET", "linkProfiles?page.size=150")).json as ListLinkProfilesResponse;
  const second = (await call("GET", `linkProfiles?page.size=150&page.token=${first.nextPageToken}`))
    .json as ListLinkProfilesResponse;
  const keys = [...first.profiles, ...second.profiles].map((one) => `${one.rule?.order ?? 0} ${one.rule?.name}`);
  expect(keys).toHaveLength(MOST_PROFILES);
  expect(keys).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)));

  const { database } = app.platform;
  const cabinet = (await hosts.newHost("cabinet-2", { labels: { site: "cabinet" } })).hostId;
  const seenBy = (organizationId: string) =>
    database.inOrganization(organizationId, (tx) => linksOf(tx, [cabinet]), { readOnly: true });
  expect((await seenBy(app.organizationId)).get(cabinet)).toMatchObject({
    profileName: "profile 0",
    images: "registry",
  });
  expect((await seenBy("org_other")).size).toBe(0);

  const made = await call("POST", "apiTokens", { name: "reader", permissions: ["links.read"] });
  const authorization = `Bearer ${(made.json as { secret: string }).secret}`;
  const reader = createTestClient({ port: app.port, ca: app.ca, headers: { authorization } });
  const path = `/v1/organizations/${app.organizationId}`;
  expect((await reader.call("GET", `${path}/linkProfiles`)).status).toBe(200);
  expect((await reader.call("GET", `${path}/hosts/${cabinet}/link`)).status).toBe(200);
  expect((await reader.call("POST", `${path}/linkProfiles`, { rule: rule() })).status).toBe(403);
  expect((await reader.call("DELETE", `${path}/linkProfiles/${first.profiles[0]?.id}`)).status).toBe(403);
});
