import type { Host } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { enroll, newHostKey } from "../testing/test-agent.ts";

// One key and one certificate each: about 2 ms of work a host on either side.
const FLEET = 200;

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;
async function post(rest: string, body: unknown) {
  const { status, json } = await app.rest.call("POST", path(rest), body);
  return { status, ...(json as object) };
}
async function waiting(filter = "waiting=yes"): Promise<{ hosts: Host[]; total: number }> {
  const query = new URLSearchParams({ filter, "page.size": "500" }).toString();
  return (await app.rest.call("GET", path(`hosts?${query}`))).json as { hosts: Host[]; total: number };
}
async function actsOn(hostId: string): Promise<string[]> {
  const { rows } = await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${hostId} ORDER BY sequence`.execute(
      tx.queries,
    ),
  );
  return rows.map((row) => row.action);
}

describe("labels that a machine asks for", () => {
  it("are given where the token leaves the key to it; all others wait for a person, also on a host that is in", async () => {
    const { secret } = await hosts.newToken({ labels: { site: "paris" }, hostLabelKeys: ["rack", "site"] });
    const asked = { rack: "4", site: "lyon", role: "edge" };
    const { hostId } = await enroll(app, secret, await newHostKey(), "asking", asked);
    const before = await hosts.get(hostId);
    expect(before.labels).toEqual({ site: "paris", rack: "4" });
    expect(before.requestedLabels).toEqual({ site: "lyon", role: "edge" });

    expect(await post("hosts:approve", { hostIds: [hostId] })).toMatchObject({
      approved: 0,
      problems: [{ hostName: "asking", code: "WF_HOST_NOT_WAITING" }],
    });
    await app.rest.call("PATCH", path(`hosts/${hostId}`), { labels: { site: "lyon", rack: "4" } });
    expect((await hosts.get(hostId)).requestedLabels).toEqual({ role: "edge" });
    expect(await post("hosts:approve", { hostIds: [hostId], acceptRequestedLabels: true })).toMatchObject({
      approved: 1,
    });
    const after = await hosts.get(hostId);
    expect(after.labels).toEqual({ site: "lyon", rack: "4", role: "edge" });
    expect(after.requestedLabels ?? {}).toEqual({});
  });

  it("are refused at the door when no host could have them, and so are such keys of a token", async () => {
    const { secret } = await hosts.newToken();
    const key = await newHostKey();
    await expect(enroll(app, secret, key, "liar", { "fact/os": "x" })).rejects.toThrow("WF_LABEL_INVALID");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, "v"]));
    await expect(enroll(app, secret, key, "greedy", many)).rejects.toThrow("at most 64");
    expect(await post("enrollmentTokens", { hostLabelKeys: ["fact/os"] })).toMatchObject({
      status: 400,
      code: "WF_LABEL_INVALID",
    });
    // Neither try has used the token up.
    await enroll(app, secret, key, "modest", { role: "edge" });
  });
});

describe(`${FLEET} machines with one token`, () => {
  it("wait in one queue, and are let in or sent away at once, each told apart", async () => {
    const { secret } = await hosts.newToken({ name: "golden image", maxUses: FLEET, labels: { fleet: "kiosks" } });
    const enrolled: string[] = [];
    for (let number = 0; number < FLEET; number += 20) {
      const some = Array.from({ length: 20 }, async (_, i) => {
        const asked = { floor: String((number + i) % 3) };
        return (await enroll(app, secret, await newHostKey(), `kiosk-${number + i}`, asked)).hostId;
      });
      enrolled.push(...(await Promise.all(some)));
    }
    await expect(enroll(app, secret, await newHostKey(), "one-more")).rejects.toThrow("TOKEN_USED_UP");
    const queue = await waiting();
    expect(queue.total).toBe(FLEET);
    expect(queue.hosts[0]).toMatchObject({ awaitingApproval: true, labels: { fleet: "kiosks" } });
    expect((await waiting("waiting=no")).hosts.every((host) => !host.awaitingApproval)).toBe(true);

    const [first = "", second = ""] = enrolled;
    const rejected = enrolled.slice(-10);
    expect(await post("hosts:reject", { hostIds: rejected, reason: "not ours" })).toEqual({
      status: 200,
      rejected: 10,
      problems: [],
    });
    expect((await app.rest.call("GET", path(`hosts/${rejected[0] ?? ""}`))).status).toBe(404);
    expect(await actsOn(rejected[0] ?? "")).toEqual(["hosts.enroll", "hosts.reject"]);

    await hosts.act(first, "approve");
    const wanted = { hostIds: [...enrolled, "hst_none"], labels: { batch: "1" }, acceptRequestedLabels: true };
    const answer = (await post("hosts:approve", wanted)) as unknown as {
      approved: number;
      problems: { hostId: string; code: string }[];
    };
    expect(answer.approved).toBe(FLEET - rejected.length - 1);
    const byCode = Map.groupBy(answer.problems, (problem) => problem.code);
    expect(byCode.get("WF_HOST_NOT_WAITING")?.map((problem) => problem.hostId)).toEqual([first]);
    expect(byCode.get("WF_NOT_FOUND")).toHaveLength(rejected.length + 1);
    expect(await hosts.get(second)).toMatchObject({
      awaitingApproval: false,
      labels: { fleet: "kiosks", floor: "1", batch: "1" },
    });
    // What was asked for and not granted is over as well: somebody has decided.
    expect((await hosts.get(first)).requestedLabels ?? {}).toEqual({});
    expect((await waiting()).total).toBe(0);
    expect(await actsOn(second)).toEqual(["hosts.enroll", "hosts.approve"]);
    expect(await post("hosts:reject", { hostIds: [second] })).toMatchObject({ rejected: 0 });
  });

  it("sends a waiting machine's session away when it is rejected", async () => {
    const host = await hosts.newHost("loiterer", { maxUses: 2 });
    const session = await hosts.session(host);
    expect(session.welcome.awaitingApproval).toBe(true);
    await post("hosts:reject", { hostIds: [host.hostId] });
    await session.ended();
    await expect(hosts.session(host)).rejects.toThrow(/WF_HOST/);
  });
});
