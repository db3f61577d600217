import { canonicalJson } from "@windflow/core";
import { ObservedState, type DriftStep, type ObservedStack, type SpoolEntry } from "@windflow/proto/agent";
import type {
  AcceptDriftResponse,
  Drift,
  ListDriftsResponse,
  ListEventsResponse,
  Revision,
  Stack,
} from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { observedStack } from "../testing/observed.ts";
import { createTestClient } from "../testing/rest.ts";
import type { TestIdentity, TestSession } from "../testing/test-agent.ts";

const SECRET = "canary-42-secret-text";
let app: TestApp;
let hosts: TestHosts;
let host: TestIdentity;
let session: TestSession;
let stack: Stack;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  host = await hosts.newHost("edge");
  session = await hosts.session(host);
  await session.next("desiredState");
  stack = (await call<Stack>("POST", "stacks", { name: "shop", placement: { hostIds: [host.hostId] } })).json;
  await call("PATCH", `stacks/${stack.id}`, { policy: { drift: "DRIFT_REPORT" } });
  const compose = [
    "services:",
    "  web: {image: 'web:1', environment: {TOKEN: '${TOKEN}'}, volumes: ['./html:/html:ro']}",
    "  db: {image: 'db:1'}",
  ].join("\n");
  const source = {
    files: { "compose.yaml": compose, "html/index.html": "hello" },
    variables: [{ name: "TOKEN", value: SECRET, secret: true }],
  };
  await call("POST", `stacks/${stack.id}/revisions`, { source });
  await call("POST", "rollouts", { stackId: stack.id });
  await session.next("desiredState");
});
afterAll(async () => {
  session?.close();
  await app.stop();
});

const call = async <Answer>(method: string, rest: string, body?: unknown, client = app.rest) => {
  const { status, json } = await client.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  return { status, json: json as Answer & { code?: string } };
};
const step = (service: string, cause = "it is gone"): DriftStep => ({
  op: "create-container",
  target: `container shop-${service}-1`,
  cause,
  service,
});
let reports = 0;
function report(over: Partial<ObservedStack>, at = new Date()): void {
  reports += 1;
  const stacks = [observedStack({ stackId: stack.id, revision: 1, ...over })];
  const state = ObservedState.fromPartial({ at, digest: `report-${reports}`, generation: { term: 1n, n: 2n }, stacks });
  session.send({ $case: "observed", value: state });
}
const drifts = async (query = ""): Promise<ListDriftsResponse> =>
  (await call<ListDriftsResponse>("GET", `drifts?${query}`)).json;
/** Waits until the newest drift is as wanted. */
const newest = (wanted: Partial<Record<keyof Drift, unknown>>): Promise<Drift> =>
  vi.waitFor(async () => {
    const [drift] = (await drifts("ended=true")).drifts;
    expect(drift).toMatchObject(wanted);
    return drift as Drift;
  });
const events = async (type: string): Promise<string[]> => {
  const { json } = await call<ListEventsResponse>("GET", `events?hostId=${host.hostId}`);
  return json.events.filter((event) => event.type === type).map((event) => event.message);
};

describe("what a host reports as drift", () => {
  it("is listed while it is there, told once, and gone when it went by itself", async () => {
    report({ drift: [step("web"), step("db")] });
    const found = await newest({ state: "STATE_OPEN", stackName: "shop", hostName: "edge", revision: 1 });
    expect(found.text).toBe(
      "create-container container shop-web-1: it is gone\ncreate-container container shop-db-1: it is gone",
    );
    report({ drift: [step("web", "it is gone for a minute"), step("db")] });
    report({ drift: [step("web")] });
    await vi.waitFor(async () => expect((await newest({ id: found.id })).steps).toHaveLength(1));
    expect(await drifts()).toMatchObject({ open: 1, drifts: [{ id: found.id }] });
    expect((await call<Stack>("GET", `stacks/${stack.id}`)).json.hostsDrifted).toBe(1);
    expect(await events("drift.found")).toEqual(["shop on edge is not as it should be: 2 steps would put it right."]);
    report({});
    await newest({ id: found.id, state: "STATE_GONE" });
    expect(await drifts()).toMatchObject({ open: 0, drifts: [] });
    expect(await events("drift.gone")).toHaveLength(1);
    // Nothing is known while the engine cannot be asked: what differs is not gone.
    report({ drift: [step("web")] });
    const again = await newest({ state: "STATE_OPEN" });
    const blind = ObservedState.fromPartial({ at: new Date(), digest: "blind", engineProblem: "connection refused" });
    session.send({ $case: "observed", value: blind });
    await vi.waitFor(async () => expect((await hosts.get(host.hostId)).healthSummary).toContain("connection refused"));
    await newest({ id: again.id, state: "STATE_OPEN" });
  });

  it("is put right when somebody asks for it: the host is told once, and what stands in the way is named", async () => {
    const open = await newest({ state: "STATE_OPEN" });
    const { status, json: asked } = await call<Drift>("POST", `drifts/${open.id}:correct`);
    expect({ status, state: asked.state }).toEqual({ status: 200, state: "STATE_CORRECTING" });
    const desired = await session.next("desiredState");
    const [wanted] = desired.stacks;
    expect(wanted?.correct).not.toBe("");
    expect(await call("POST", `drifts/${open.id}:correct`)).toMatchObject({
      status: 409,
      json: { code: "WF_DRIFT_ENDED" },
    });
    report({ drift: [step("web")], corrected: wanted?.correct ?? "", problem: "the port 80 is taken" });
    await newest({ id: open.id, state: "STATE_OPEN", problem: "the port 80 is taken" });
    expect(await events("drift.stuck")).toHaveLength(1);
    await call("POST", `drifts/${open.id}:correct`);
    const second = (await session.next("desiredState")).stacks[0]?.correct ?? "";
    expect(second).not.toBe(wanted?.correct);
    report({ corrected: second });
    await newest({ id: open.id, state: "STATE_CORRECTED", endedBy: expect.stringContaining("tests"), problem: "" });
  });

  it("becomes a revision when somebody accepts it: without secrets, nothing rolled out, and not told again", async () => {
    report({ drift: [step("web", "its image differs")] });
    const open = await newest({ state: "STATE_OPEN" });
    const answer = call<AcceptDriftResponse>("POST", `drifts/${open.id}:accept`, { message: "a hot fix" });
    const { requestId, project, own } = await session.next("projectRequest");
    expect({ project, own }).toEqual({ project: "shop", own: true });
    const found = {
      name: "shop",
      services: {
        web: {
          image: "web:1-hotfix",
          command: null,
          entrypoint: null,
          environment: { TOKEN: SECRET, DEBUG: `1 ${SECRET}` },
          volumes: [{ type: "bind", source: "/var/lib/windflow/stacks/x/html", target: "/html", read_only: true }],
          networks: { default: null },
        },
      },
      networks: { default: { name: "shop_default", ipam: {} } },
    };
    const note = { keyPath: "", what: "the engine does not know how this was written", fix: "look at it" };
    const modelJson = Buffer.from(canonicalJson(found));
    session.send({
      $case: "projectReply",
      value: { requestId, modelJson, containerIds: [], notes: [note], problem: "" },
    });
    expect(await answer).toMatchObject({
      status: 200,
      json: { revision: 2, notes: [{ code: "WF_NOT_RECONSTRUCTED" }] },
    });
    const { json: revision } = await call<Revision>("GET", `stacks/${stack.id}/revisions/2`);
    expect(JSON.stringify(revision)).not.toContain(SECRET);
    const model = revision.model as { services: Record<string, Record<string, unknown>> };
    const before = (await call<Revision>("GET", `stacks/${stack.id}/revisions/1`)).json.model as typeof model;
    expect(model.services["db"]).toEqual(before.services["db"]);
    expect(model.services["web"]).toMatchObject({
      image: "web:1-hotfix",
      environment: { TOKEN: "{{wf-secret:TOKEN@1}}", DEBUG: "1 {{wf-secret:TOKEN@1}}" },
      volumes: before.services["web"]?.["volumes"],
    });
    expect(revision).toMatchObject({ message: "a hot fix", source: { files: { "html/index.html": "hello" } } });
    const { json: after } = await call<Stack>("GET", `stacks/${stack.id}`);
    expect(after).toMatchObject({ latestRevision: 2, activeRolloutId: expect.any(String) });
    await newest({ id: open.id, state: "STATE_ACCEPTED" });
    await expect(session.next("desiredState", 200)).rejects.toThrow("no desiredState");
    report({ drift: [step("web", "its image differs still")] });
    await vi.waitFor(async () => expect((await hosts.get(host.hostId)).stacksDrifted).toBe(1));
    expect((await drifts()).drifts).toEqual([]);
    report({ drift: [step("db")] });
    const other = await newest({ state: "STATE_OPEN" });
    expect(other.id).not.toBe(open.id);
    const refused = call("POST", `drifts/${other.id}:accept`);
    const request = await session.next("projectRequest");
    const problem = "this host has no containers of a compose project named shop";
    const none = { requestId: request.requestId, modelJson: new Uint8Array(), containerIds: [], notes: [], problem };
    session.send({ $case: "projectReply", value: none });
    expect(await refused).toMatchObject({ status: 409, json: { code: "WF_DRIFT_NOT_ACCEPTED", detail: problem } });
    // The host still runs revision 1, and may send anything.
    const reply = async (text: string): Promise<{ status: number; json: AcceptDriftResponse & { code?: string } }> => {
      const accepting = call<AcceptDriftResponse>("POST", `drifts/${other.id}:accept`);
      const asked = await session.next("projectRequest");
      session.send({
        $case: "projectReply",
        value: { requestId: asked.requestId, modelJson: Buffer.from(text), containerIds: [], notes: [], problem: "" },
      });
      return accepting;
    };
    for (const text of ["null", "{}", '{"services":{"db":null}}', "no"])
      expect(await reply(text)).toMatchObject({ status: 409, json: { code: "WF_DRIFT_NOT_ACCEPTED" } });
    const { status, json } = await reply(canonicalJson({ name: "shop", services: { db: { image: "db:1-hotfix" } } }));
    expect(status).toBe(200);
    expect(json.notes[0]?.what).toBe(
      "the host runs revision 1, and the stack had revision 2 already: what changed since 1 is not in the new one",
    );
    await newest({ id: other.id, state: "STATE_ACCEPTED" });
    report({});
  });
});

describe("what a host put right by itself", () => {
  const corrected = (sequence: bigint, at: Date): SpoolEntry => ({
    sequence,
    at,
    kind: {
      $case: "event",
      value: {
        type: "drift.corrected",
        stackId: stack.id,
        message: "shop: 1 step put right what nobody asked for",
        severity: "warning",
        containerId: "",
        containerName: "",
        service: "",
        attributes: { revision: "1", steps: JSON.stringify([step("web")]) },
      },
    },
  });
  const send = async (entries: SpoolEntry[]): Promise<void> => {
    session.send({ $case: "spoolBatch", value: { spoolId: "spool-1", entries, dropped: 0n } });
    await session.next("spoolAck");
  };

  it("is kept with its own time, also what happened while it was alone, once, whichever word comes first", async () => {
    const before = (await drifts("ended=true")).drifts.length;
    const yesterday = new Date(Date.now() - 86_400_000);
    await send([corrected(1n, yesterday)]);
    await send([corrected(1n, yesterday)]);
    const all = (await drifts("ended=true")).drifts;
    expect(all).toHaveLength(before + 1);
    const alone = all.at(-1);
    expect(alone).toMatchObject({ state: "STATE_CORRECTED", endedBy: "", steps: [{ op: "create-container" }] });
    expect(Math.abs(new Date(alone?.endedAt ?? 0).getTime() - yesterday.getTime())).toBeLessThan(5_000);

    await call("PATCH", `stacks/${stack.id}`, { policy: { drift: "DRIFT_CORRECT" } });
    await session.next("desiredState");
    // Seen and put right, and then told: one entry.
    report({ drift: [step("web")] });
    await newest({ state: "STATE_CORRECTING" });
    report({});
    const seen = await newest({ state: "STATE_CORRECTED" });
    await send([corrected(2n, new Date())]);
    expect((await drifts("ended=true")).drifts).toHaveLength(before + 2);
    await newest({ id: seen.id });
    // Told first, and a report that was made before comes after it.
    const looked = new Date(Date.now() - 2_000);
    report({ drift: [step("web")] }, looked);
    await vi.waitFor(async () => expect((await hosts.get(host.hostId)).stacksDrifted).toBe(1));
    expect((await drifts("ended=true")).drifts).toHaveLength(before + 2);
    // What no host would send.
    const odd = corrected(3n, new Date());
    if (odd.kind?.$case === "event") odd.kind.value.attributes = { steps: '{"not":"a list"}', revision: "-1" };
    const nobodys = corrected(4n, new Date());
    if (nobodys.kind?.$case === "event") nobodys.kind.value.stackId = "stk_nobody";
    await send([odd, nobodys]);
    report({});
    await vi.waitFor(async () => expect((await drifts()).drifts).toEqual([]));
  });
});

describe("the list", () => {
  it("comes in pages, by stack and host, and to those who may read stacks alone", async () => {
    const whole = (await drifts("ended=true")).drifts.map(({ id }) => id);
    const paged: string[] = [];
    let token = "";
    do {
      const page = await drifts(`ended=true&page.size=2&page.token=${token}`);
      paged.push(...page.drifts.map(({ id }) => id));
      token = page.nextPageToken;
    } while (token !== "");
    expect(paged).toEqual(whole);
    expect((await drifts(`ended=true&hostId=hst_other`)).drifts).toEqual([]);
    expect((await drifts(`ended=true&stackId=${stack.id}&hostId=${host.hostId}`)).drifts).toHaveLength(whole.length);
    const { json } = await call<{ secret: string }>("POST", "apiTokens", { name: "r", permissions: ["stacks.read"] });
    const headers = { authorization: `Bearer ${json.secret}` };
    const reader = createTestClient({ port: app.port, ca: app.ca, headers });
    expect((await call("GET", "drifts", undefined, reader)).status).toBe(200);
    for (const verb of ["correct", "accept"])
      expect((await call("POST", `drifts/${whole[0]}:${verb}`, {}, reader)).status).toBe(403);
    expect((await call("POST", "drifts/drf_nobody:correct")).status).toBe(404);
    const audited = await app.platform.database.inOrganization(app.organizationId, async (tx) => {
      const { rows } = await sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_kind = 'drift'
        ORDER BY sequence`.execute(tx.queries);
      return rows.map(({ action }) => action);
    });
    expect(audited).toEqual(["drift.correct", "drift.correct", "drift.accept", "drift.accept"]);
  });
});
