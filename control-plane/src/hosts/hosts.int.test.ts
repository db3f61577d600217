import type { Event, Host, HostCounts } from "@windflow/proto/api";
import { sql } from "kysely";
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSealer, systemClock } from "../platform/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { openCertificates } from "./certificates/certificates.ts";

let app: TestApp;
let hosts: TestHosts;
const ids = new Map<string, string>();
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  for (const [name, site] of [
    ["alpha", "paris"],
    ["beta", "paris"],
    ["gamma", "lyon"],
    ["delta", "lyon"],
    ["epsilon", "rome"],
  ] as const) {
    ids.set(name, (await hosts.newHost(name, { labels: { site } })).hostId);
  }
  await app.platform.database.asSystem(async (tx) => {
    await sql`UPDATE hosts SET cpu_percent = length(name) * 10, presence = CASE WHEN name = 'beta' THEN 'online' ELSE presence END`.execute(
      tx.queries,
    );
  });
});
afterAll(async () => {
  await app.stop();
});

interface HostList {
  hosts: Host[];
  nextPageToken: string;
  total: number;
  counts: HostCounts;
}
const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;
async function list(query: Record<string, string>): Promise<HostList> {
  const { json } = await app.rest.call("GET", path(`hosts?${new URLSearchParams(query).toString()}`));
  return json as HostList;
}
const names = (answer: HostList): string[] => answer.hosts.map((host) => host.name);
const problem = async (method: string, rest: string, body?: unknown) => {
  const { status, json } = await app.rest.call(method, path(rest), body);
  return { status, code: (json as { code: string }).code };
};

describe("the list of hosts", () => {
  it("is filtered by words, labels and presence, and counts all by presence", async () => {
    expect(names(await list({ filter: "TA site=paris" }))).toEqual(["beta"]);
    expect(names(await list({ filter: "site=lyon" }))).toEqual(["delta", "gamma"]);
    const online = await list({ filter: "presence=online" });
    expect(online).toMatchObject({ total: 1, counts: { online: 1, neverSeen: 4, offline: 0 } });
    expect(names(online)).toEqual(["beta"]);
    expect(await problem("GET", "hosts?filter=presence%3Dasleep")).toEqual({
      status: 400,
      code: "WF_HOST_FILTER_INVALID",
    });
    expect(await problem("GET", "hosts?orderBy=color")).toEqual({ status: 400, code: "WF_HOST_FILTER_INVALID" });
  });

  it.each(["", "-name", "presence", "-presence", "last_seen_at", "cpu_percent", "-cpu_percent", "memory_percent"])(
    "has every host once, page by page, ordered by %s",
    async (orderBy) => {
      const whole = names(await list({ orderBy }));
      expect(whole.toSorted()).toEqual(["alpha", "beta", "delta", "epsilon", "gamma"]);
      const paged: string[] = [];
      let token = "";
      do {
        const page = await list({ orderBy, "page.size": "2", "page.token": token });
        expect(page.total).toBe(5);
        paged.push(...names(page));
        token = page.nextPageToken;
      } while (token !== "");
      expect(paged).toEqual(whole);
    },
  );

  it("orders figures as numbers", async () => {
    const descending = names(await list({ orderBy: "-cpu_percent" }));
    expect(descending[0]).toBe("epsilon");
    expect(descending.at(-1)).toBe("beta");
  });

  it("refuses a page of another list", async () => {
    const { nextPageToken } = await list({ "page.size": "2" });
    expect(await problem("GET", `hosts?orderBy=-name&page.token=${nextPageToken}`)).toMatchObject({ status: 400 });
  });
});

describe("a host", () => {
  it("is changed against its etag, with its labels checked and the change audited", async () => {
    const id = ids.get("gamma") ?? "";
    const before = await hosts.get(id);
    const change = { name: "gamma-2", labels: { site: "lyon", rack: "4" }, etag: before.etag };
    const { json } = await app.rest.call("PATCH", path(`hosts/${id}`), change);
    expect(json).toMatchObject({ name: "gamma-2", labels: { rack: "4" } });
    expect(await problem("PATCH", `hosts/${id}`, change)).toMatchObject({ code: "WF_ETAG_MISMATCH" });
    expect(await problem("PATCH", `hosts/${id}`, { labels: { "fact/os": "x" } })).toMatchObject({
      code: "WF_LABEL_INVALID",
    });
    expect(await problem("PATCH", `hosts/${id}`, { name: "alpha" })).toMatchObject({ code: "WF_ALREADY_EXISTS" });
    const audited = await app.platform.database.inOrganization(app.organizationId, (tx) =>
      sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${id} ORDER BY sequence`.execute(
        tx.queries,
      ),
    );
    expect(audited.rows.map((row) => row.action)).toEqual(["hosts.enroll", "hosts.update"]);
    await app.rest.call("PATCH", path(`hosts/${id}`), { name: "gamma", labels: { site: "lyon" } });
  });

  it("is cordoned, drained and opened again, each once and audited; a revoked one is not", async () => {
    const { hostId } = await hosts.newHost("eta");
    expect(String((await hosts.get(hostId)).scheduling)).toBe("SCHEDULING_OPEN");
    const act = async (verb: string, body = {}) => {
      const { status, json } = await app.rest.call("POST", path(`hosts/${hostId}:${verb}`), body);
      return { status, scheduling: String((json as Host).scheduling) };
    };
    expect(await act("cordon")).toEqual({ status: 200, scheduling: "SCHEDULING_CORDONED" });
    expect(await act("cordon", { drain: true, reason: "new disks" })).toMatchObject({
      scheduling: "SCHEDULING_DRAINING",
    });
    expect(await act("cordon", { drain: true, reason: "again" })).toMatchObject({ scheduling: "SCHEDULING_DRAINING" });
    const { events } = (await app.rest.call("GET", path(`events?hostId=${hostId}`))).json as { events: Event[] };
    expect(events[0]).toMatchObject({ type: "host.schedule", message: expect.stringMatching(/drain.*: new disks\.$/) });
    expect(await act("uncordon")).toEqual({ status: 200, scheduling: "SCHEDULING_OPEN" });
    const audited = await app.platform.database.asSystem((tx) =>
      sql`SELECT 1 FROM audit_entries WHERE target_id = ${hostId} AND action = 'hosts.schedule'`.execute(tx.queries),
    );
    expect(audited.rows.length).toBe(3);
    await hosts.act(hostId, "revoke");
    expect(await problem("POST", `hosts/${hostId}:cordon`, {})).toMatchObject({ code: "WF_HOST_REVOKED" });
  });

  it("is deleted only when it was revoked or never seen", async () => {
    const host = await hosts.newHost("zeta");
    const session = await hosts.session(host);
    expect(await problem("DELETE", `hosts/${host.hostId}`)).toMatchObject({ code: "WF_HOST_IN_USE" });
    await hosts.act(host.hostId, "revoke");
    expect(await app.rest.call("DELETE", path(`hosts/${host.hostId}`))).toMatchObject({ status: 200 });
    expect(await problem("GET", `hosts/${host.hostId}`)).toMatchObject({ status: 404, code: "WF_NOT_FOUND" });
    session.close();
  });

  it("of another organization is not there at all", async () => {
    const id = ids.get("alpha") ?? "";
    await app.platform.database.asSystem(async (tx) => {
      await sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_other', 'other', now())`.execute(
        tx.queries,
      );
    });
    const seen = await app.platform.database.inOrganization("org_other", (tx) =>
      sql`SELECT id FROM hosts UNION ALL SELECT host_id FROM host_keys UNION ALL SELECT id FROM events UNION ALL SELECT id FROM enrollment_tokens`.execute(
        tx.queries,
      ),
    );
    expect(seen.rows).toEqual([]);
    const { status } = await app.rest.call("GET", `/v1/organizations/org_other/hosts/${id}`);
    expect([403, 404]).toContain(status);
  });
});

describe("events", () => {
  it("are listed newest first, page by page, by host", async () => {
    const id = ids.get("alpha") ?? "";
    const all = (await app.rest.call("GET", path("events?page.size=500"))).json as { events: Event[] };
    const times = all.events.map((event) => Date.parse(String(event.at)));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const paged: string[] = [];
    let token = "";
    do {
      const page = (await app.rest.call("GET", path(`events?page.size=3&page.token=${token}`))).json as {
        events: Event[];
        nextPageToken: string;
      };
      paged.push(...page.events.map((event) => event.id));
      token = page.nextPageToken;
    } while (token !== "");
    expect(paged).toEqual(all.events.map((event) => event.id));
    const ofHost = (await app.rest.call("GET", path(`events?hostId=${id}`))).json as { events: Event[] };
    expect(ofHost.events.map((event) => event.type)).toEqual(["host.enrolled"]);
  });

  it("are watched on from where a stream broke", async () => {
    const read = async (until: string, after?: string): Promise<string> => {
      const headers = after === undefined ? {} : { "last-event-id": after };
      const stream = await app.rest.open("GET", path("events:watch?kinds=host"), headers);
      let text = "";
      for await (const chunk of stream) {
        text += String(chunk);
        if (text.includes(until)) break;
      }
      stream.destroy();
      return text;
    };
    const begun = await read('"kind":"reset"');
    const resumeAt = /id: (\S+)/.exec(begun)?.[1] ?? "";
    const { hostId } = await hosts.newHost("eta");
    const resumed = await read(hostId, resumeAt);
    expect(resumed).not.toContain("reset");
    expect(resumed).toMatch(/"change":"created"/);
    expect(await read("reset", "rep_unknown.7")).toContain('"kind":"reset"');
  });
});

describe("the certificate authority", () => {
  it("is the same after a restart, makes a new server certificate in time, and trusts what it issued before", async () => {
    const { database, log, newId } = app.platform;
    let ahead = 0;
    const clock = { ...systemClock, now: () => new Date(Date.now() + ahead) };
    const sealer = createSealer(Buffer.alloc(32, 9));
    await database.asSystem((tx) => sql`DELETE FROM certificates`.execute(tx.queries));
    const open = (dns: string[]) =>
      openCertificates({ database, sealer, clock, log, newId, names: { dns, addresses: [] } });
    const [first, second] = await Promise.all([open(["a.example"]), open(["a.example"])]);
    expect(second.rootsPem()).toBe(first.rootsPem());
    expect(second.server()).toEqual(first.server());
    const issued = await first.issueAgent({
      organizationId: "org_1",
      hostId: "hst_1",
      spki: someKey(first.server().certificateChainPem),
    });
    const renamed = await open(["b.example"]);
    expect(new X509Certificate(renamed.server().certificateChainPem).subjectAltName).toBe("DNS:b.example");

    ahead = 70 * 86_400_000;
    const later = await open(["a.example"]);
    expect(later.server().certificateChainPem).not.toBe(first.server().certificateChainPem);
    ahead = 300 * 86_400_000;
    const nextYear = await open(["a.example"]);
    expect(nextYear.rootsPem()).toBe(first.rootsPem());
    const old = nextYear.verifyAgent(new X509Certificate(issued.chainPem).raw);
    expect(old).toMatchObject({ valid: true, expired: true });
    for (const one of [first, second, renamed, later, nextYear]) await one.close();
    const stored = await database.asSystem((tx) =>
      sql<{ text: string }>`SELECT c::text AS text FROM certificates c`.execute(tx.queries),
    );
    expect(stored.rows.map((row) => row.text).join()).not.toContain("PRIVATE KEY");
  });
});

function someKey(pem: string): Uint8Array {
  return new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
}
