import { randomBytes } from "node:crypto";
import { open, registryAuthContext, x25519PublicKey } from "@windflow/core";
import { PlanReply, RegistryAuths, SealedBox, type RegistryAuth } from "@windflow/proto/agent";
import type { Registry, Revision, Stack, TestRegistryResponse } from "@windflow/proto/api";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";

const ADDRESS = "registry.example.com:5000";
const PASSWORD = "correct horse";
const DIGEST = `sha256:${"a".repeat(64)}`;

let app: TestApp;
let hosts: TestHosts;
let identity: TestIdentity;
let session: TestSession;
const sealingKey = new Uint8Array(randomBytes(32));
let names = 0;

beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  identity = await hosts.newHost("edge");
  session = await hosts.session(identity, { sealingKey: x25519PublicKey(sealingKey) });
  await hosts.until(identity.hostId, (host) => String(host.presence) === "PRESENCE_ONLINE");
});
afterAll(async () => {
  session.close();
  await app.stop();
});
beforeEach(async () => {
  const { registries } = (await call("GET", "registries")).json as { registries: Registry[] };
  for (const { id } of registries) await call("DELETE", `registries/${id}`);
  session.imageAnswer = () => ({});
});

const call = (method: string, rest: string, body?: unknown): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
const create = async (over: Record<string, unknown> = {}): Promise<TestResponse> =>
  call("POST", "registries", { address: ADDRESS, username: "ci", password: PASSWORD, ...over });
const opened = (sealed: SealedBox): RegistryAuth[] =>
  RegistryAuths.decode(open(sealingKey, sealed, registryAuthContext(identity.hostId))).registries;

async function newStack(placement: unknown = { hostIds: [identity.hostId] }): Promise<string> {
  return ((await call("POST", "stacks", { name: `app-${++names}`, placement })).json as Stack).id;
}
async function revise(stackId: string, services: Record<string, unknown>): Promise<Revision> {
  const source = { files: { "compose.yaml": JSON.stringify({ services }) } };
  const answer = await call("POST", `stacks/${stackId}/revisions`, { source });
  expect(answer).toMatchObject({ status: 200 });
  return answer.json as Revision;
}
const fetchAuth = (registries: string[], buildId = ""): Promise<RegistryAuth[]> => {
  const client = dial(app, identity);
  return new Promise<RegistryAuth[]>((resolve, reject) =>
    client.fetchRegistryAuth({ registries, buildId }, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer.sealed === undefined ? [] : opened(answer.sealed));
    }),
  ).finally(() => client.close());
};

test("credentials are kept by address; the password goes in and does not come out", async () => {
  const created = await create({ address: "Registry.Example.com:5000" });
  expect(created).toMatchObject({ status: 200, json: { address: ADDRESS, username: "ci", etag: "1" } });
  const registry = created.json as Registry;
  expect((await create()).json).toMatchObject({ code: "WF_ALREADY_EXISTS", detail: expect.stringContaining(ADDRESS) });
  const wrong = await create({ address: "https://registry.example.com:5000/v2/" });
  expect(wrong).toMatchObject({ status: 400, json: { violations: [{ path: "address" }] } });
  expect(wrong.text).toContain(`write \\"${ADDRESS}\\"`);

  const path = `registries/${registry.id}`;
  expect((await call("PATCH", path, { username: "other", etag: "7" })).json).toMatchObject({
    code: "WF_ETAG_MISMATCH",
  });
  const updated = await call("PATCH", path, { username: "other", etag: "1" });
  expect(updated.json).toMatchObject({ username: "other", etag: "2" });
  await create({ address: "index.docker.io" });
  const list = await call("GET", "registries?page.size=1");
  expect(list.json).toMatchObject({
    registries: [{ address: "docker.io" }],
    nextPageToken: expect.stringMatching(/./),
  });
  for (const answer of [created, updated, list]) expect(answer.text).not.toContain(PASSWORD);
  expect((await call("DELETE", path)).status).toBe(200);
  expect((await call("DELETE", path)).status).toBe(404);
});

test("a host gets the credentials of the registries that its stacks pull from, and no others", async () => {
  await create();
  await create({ address: "other.example.com" });
  expect(await fetchAuth([ADDRESS, "other.example.com"])).toEqual([]);
  const stackId = await newStack();
  await revise(stackId, { web: { image: `${ADDRESS}/web:1` }, plain: { image: "nginx:1" } });
  expect(await fetchAuth([ADDRESS])).toEqual([]);
  expect((await call("POST", "rollouts", { stackId })).status).toBe(200);
  const expected = [{ address: ADDRESS, username: "ci", password: PASSWORD }];
  await expect.poll(() => fetchAuth([ADDRESS, "other.example.com", "docker.io"])).toEqual(expected);
  // Nothing of it holds for a build that nobody asked this host for.
  expect(await fetchAuth([ADDRESS], "bld_unknown")).toEqual([]);
});

test("credentials are tried from the engine of a host, which alone can read them", async () => {
  const { id } = (await create()).json as Registry;
  const testing = call("POST", `registries/${id}:test`, {});
  const request = await session.next("registryRequest");
  expect(request.address).toBe(ADDRESS);
  expect(opened(SealedBox.decode(request.sealed))).toEqual([{ address: ADDRESS, username: "ci", password: PASSWORD }]);
  session.send({ $case: "registryReply", value: { requestId: request.requestId, problem: "" } });
  expect((await testing).json).toMatchObject({ ok: true, hostId: identity.hostId, hostName: "edge" });

  const failing = call("POST", `registries/${id}:test`, { hostId: identity.hostId });
  const again = await session.next("registryRequest");
  session.send({ $case: "registryReply", value: { requestId: again.requestId, problem: "it refused them" } });
  expect((await failing).json as TestRegistryResponse).toMatchObject({ problem: "it refused them" });

  const unknown = await call("POST", `registries/${id}:test`, { hostId: "hst_unknown" });
  expect(unknown.json).toMatchObject({ code: "WF_NOT_FOUND" });
  const away = await hosts.newHost("away");
  const silent = await call("POST", `registries/${id}:test`, { hostId: away.hostId });
  expect(silent.json).toMatchObject({ code: "WF_REGISTRY_NO_HOST", detail: expect.stringContaining("away") });
});

test("a revision pins what its host says that tags stand for; what is not known is a warning", async () => {
  await create();
  session.imageAnswer = (reference) => {
    if (reference.endsWith("/web:1")) return { repositoryDigest: DIGEST };
    if (reference.endsWith("/gone:1")) return { problem: "there is no such image", code: "WF_IMAGE_NOT_FOUND" };
    return reference === "odd:1" ? { repositoryDigest: "no digest" } : {};
  };
  const stackId = await newStack();
  const services = {
    web: { image: `${ADDRESS}/web:1` },
    gone: { image: `${ADDRESS}/gone:1` },
    odd: { image: "odd:1" },
  };
  const asking = revise(stackId, services);
  const asked = await session.next("resolveRequest");
  expect(asked.images.map(({ reference }) => reference).toSorted()).toEqual([
    "odd:1",
    `${ADDRESS}/gone:1`,
    `${ADDRESS}/web:1`,
  ]);
  expect(opened(SealedBox.decode(asked.sealed))).toMatchObject([{ address: ADDRESS, password: PASSWORD }]);
  const { warnings } = await asking;
  expect(warnings).toMatchObject([
    { code: "WF_IMAGE_UNRESOLVED", why: "edge: there is no such image (WF_IMAGE_NOT_FOUND)" },
  ]);
  const { json } = await call("GET", `stacks/${stackId}/revisions/1`);
  expect((json as Revision).imageDigests).toEqual({ [`${ADDRESS}/web:1`]: DIGEST });
});

test("whoever may only read plans without a host being sent to registries with credentials", async () => {
  await create();
  const stackId = await newStack();
  const made = await call("POST", "apiTokens", { name: "reader", permissions: ["stacks.read"] });
  const { secret } = made.json as { secret: string };
  const source = { files: { "compose.yaml": JSON.stringify({ services: { web: { image: `${ADDRESS}/web:1` } } }) } };
  const plan = async (headers?: Record<string, string>): Promise<TestResponse> => {
    const path = `/v1/organizations/${app.organizationId}/stacks/${stackId}:plan`;
    const planning = app.rest.call("POST", path, { source }, headers);
    const { requestId } = await session.next("planRequest");
    session.send({ $case: "planReply", value: PlanReply.fromPartial({ requestId }) });
    return planning;
  };
  let asked = 0;
  session.imageAnswer = () => {
    asked++;
    return {};
  };
  expect(await plan({ authorization: `Bearer ${secret}` })).toMatchObject({ status: 200 });
  expect(asked).toBe(0);
  expect(await plan()).toMatchObject({ status: 200 });
  expect(asked).toBe(1);
});

test("with no host to ask, a revision is made at once and says so", async () => {
  const stackId = await newStack({ matchLabels: { tier: "nowhere" } });
  const { warnings } = await revise(stackId, { web: { image: "nginx:1" } });
  expect(warnings).toMatchObject([{ code: "WF_IMAGE_UNRESOLVED", why: expect.stringContaining("no host") }]);
});
