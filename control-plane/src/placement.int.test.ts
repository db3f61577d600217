import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  ExplainPlacementRequest,
  StacksServiceClient,
  type ExplainPlacementResponse,
  type Stack,
} from "@windflow/proto/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testHosts } from "./testing/hosts.ts";
import { startTestApp, type TestApp } from "./testing/index.ts";
import { createTestClient } from "./testing/rest.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const path = (rest: string, organization = app.organizationId): string => `/v1/organizations/${organization}/${rest}`;

test("the placement is told host by host through both doors, in pages, to nobody without the right to read stacks", async () => {
  const hosts = testHosts(app);
  const racks = { "web-1": "a", "web-2": "a", "web-3": "b" };
  const sessions = [];
  for (const [name, rack] of Object.entries(racks)) {
    const host = await hosts.newHost(name, { labels: { rack } });
    sessions.push(await hosts.session(host));
    await hosts.until(host.hostId, ({ presence }) => String(presence) === "PRESENCE_ONLINE");
  }
  const placement = {
    expressions: [{ key: "rack", operator: "OPERATOR_IN", values: ["a", "b"] }],
    strategy: "PLACEMENT_STRATEGY_SPREAD",
    replicas: 2,
    spreadBy: "rack",
    constraints: { freeMemoryBytes: "0" },
    preferences: [{ expression: { key: "rack", operator: "OPERATOR_EQUALS", values: ["b"] }, weight: 3 }],
    hostGoneAfterSeconds: 120,
  };
  const created = await app.rest.call("POST", path("stacks"), { name: "shop", placement });
  expect(created.status).toBe(200);
  const { id: stackId } = created.json as Stack;
  expect((await app.rest.call("GET", path(`stacks/${stackId}`))).json).toMatchObject({
    placement: {
      strategy: "PLACEMENT_STRATEGY_SPREAD",
      replicas: 2,
      spreadBy: "rack",
      hostGoneAfterSeconds: 120,
      expressions: placement.expressions,
      preferences: placement.preferences,
    },
  });

  const rest = (await app.rest.call("GET", path(`stacks/${stackId}:placement`))).json as ExplainPlacementResponse;
  expect(rest).toMatchObject({ total: 3, chosen: 2, wanted: 2 });
  expect(rest.hosts.map(({ hostName, chosen, reason }) => `${hostName} ${chosen ?? false} ${reason}`)).toEqual([
    "web-1 true placed",
    "web-2 false enough",
    "web-3 true placed",
  ]);
  expect(rest.hosts[1]?.because).toBe("2 of 2 hosts come before it");

  const client = new StacksServiceClient(`127.0.0.1:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  const explain = (token: string, organization = app.organizationId): Promise<ExplainPlacementResponse> =>
    new Promise((resolve, reject) => {
      const request = ExplainPlacementRequest.fromPartial({ organization, stackId, page: { size: 2, token } });
      const answered = (error: ServiceError | null, response: ExplainPlacementResponse): void =>
        error === null ? resolve(response) : reject(error);
      client.explainPlacement(request, metadata, answered);
    });
  const first = await explain("");
  expect(first.hosts.map(({ hostName }) => hostName)).toEqual(["web-1", "web-2"]);
  const second = await explain(first.nextPageToken);
  expect(second).toMatchObject({ hosts: [{ hostName: "web-3", chosen: true }], nextPageToken: "", total: 3 });

  const third = rest.hosts[2]?.hostId ?? "";
  await app.rest.call("POST", path(`hosts/${third}:cordon`), {});
  expect((await explain("")).hosts.map(({ chosen }) => chosen)).toEqual([true, true]);
  const cordoned = (await explain(first.nextPageToken)).hosts[0];
  expect(cordoned).toMatchObject({ chosen: false, because: "the host is cordoned: it takes nothing new" });

  const stranger = createTestClient({ port: app.port, ca: app.ca });
  expect((await stranger.call("GET", path(`stacks/${stackId}:placement`))).status).toBe(401);
  expect((await app.rest.call("GET", path(`stacks/${stackId}:placement`, "org_other"))).status).not.toBe(200);
  await expect(explain("", "org_other")).rejects.toThrow();
  expect((await app.rest.call("GET", path("stacks/stk_none:placement"))).status).toBe(404);
  expect((await app.rest.call("GET", path(`stacks/${stackId}:placement?revision=7`))).status).toBe(404);
  client.close();
  for (const session of sessions) session.close();
});
