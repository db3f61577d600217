import { randomBytes } from "node:crypto";
import { sha256Digest } from "@windflow/core";
import { BuildTasks, type StreamUp } from "@windflow/proto/agent";
import type { Build, BuildEvent } from "@windflow/proto/client";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";
import { LINES_KEPT } from "./output.ts";
import { runBuild } from "./runner.ts";
import { readBuild, readLines, updateBuild } from "./store.ts";

const COMPOSE = "services:\n  web:\n    build: ./app\n  other:\n    image: busybox\n";
const STRANGER = "org_stranger";

let app: TestApp;
let hosts: TestHosts;
let host: TestIdentity;
let session: TestSession;
let stackId: string;
let stacksMade = 0;

beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  await app.platform.database.asSystem((tx) =>
    sql`INSERT INTO organizations (id, name, created_at) VALUES (${STRANGER}, 'stranger', now())`.execute(tx.queries),
  );
});
afterAll(() => app.stop());
beforeEach(async () => {
  host = await hosts.newHost(`builder-${++stacksMade}`);
  session = await hosts.session(host);
  const placement = { hostIds: [host.hostId] };
  stackId = (await ok<{ id: string }>("POST", "stacks", { name: `shop-${stacksMade}`, placement })).id;
});
afterEach(() => session.close());

const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;
async function ok<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const response = await app.rest.call(method, path(rest), body);
  if (response.status !== 200) throw new Error(`${rest}: ${response.status} ${response.text}`);
  return response.json as Answer;
}
const source = (dockerfile = "FROM busybox\nCOPY . /\n", compose = COMPOSE): object => ({
  files: { "compose.yaml": compose, "app/Dockerfile": dockerfile, "app/main.js": `// ${stackId}` },
});
const start = (from: object = source()): Promise<Build> => ok("POST", `stacks/${stackId}/builds`, { source: from });
const get = (build: Build): Promise<Build> => ok("GET", `builds/${build.id}`);
const ended = (build: Build): Promise<Build> =>
  vi.waitUntil(
    async () => {
      const now = await get(build);
      return now.state === "STATE_PENDING" || now.state === "STATE_RUNNING" ? undefined : now;
    },
    { timeout: 20_000 },
  );
async function watched(build: Build): Promise<BuildEvent[]> {
  const response = await app.rest.call("GET", path(`builds/${build.id}:watch`));
  return response.text
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => JSON.parse(line.slice("data:".length)) as BuildEvent);
}

/** The host's half of a build: takes the command, opens the stream and fetches what is to be built. */
async function takeBuild() {
  const command = await session.next("openStream");
  if (command.kind?.$case !== "build") throw new Error("another stream was asked for");
  const client = dial(app, host);
  const call = client.openStream();
  let closed = false;
  call.on("data", (message: { kind?: { $case: string } }) => (closed ||= message.kind?.$case === "close"));
  call.on("error", () => (closed = true));
  call.write({ kind: { $case: "ticket", value: command.ticket } });
  const { buildId, tasksDigest } = command.kind.value;
  const { tasks } = BuildTasks.decode(await fetchFile(host, tasksDigest, buildId));
  const send = (kind: StreamUp["kind"]): void => void call.write({ kind });
  return {
    buildId,
    tasksDigest,
    tasks,
    send,
    isClosed: () => closed,
    end: (problem = "") => {
      send({ $case: "end", value: { exitCode: problem === "" ? 0 : 1, problem, code: "" } });
      call.end();
    },
    breakOff: () => {
      call.cancel();
      client.close();
    },
  };
}

async function fetchFile(as: TestIdentity, digest: string, buildId: string): Promise<Buffer> {
  const client = dial(app, as);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of client.fetchFile({ digest, offset: 0n, buildId }))
      pieces.push((piece as { content: Uint8Array }).content);
    return Buffer.concat(pieces);
  } finally {
    client.close();
  }
}

/** An image of one layer, as a host sends it. */
function sendImage(
  send: (kind: StreamUp["kind"]) => void,
  layer: Uint8Array,
  over: {
    layerDigests?: string[];
    content?: Uint8Array;
    manifestDigest?: string;
    platform?: string;
    layerSize?: bigint;
    part?: number;
  } = {},
): string {
  const digest = sha256Digest(layer);
  const config = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: [digest] }, nonce: stackId }));
  const configDigest = sha256Digest(config);
  send({
    $case: "builtImage",
    value: {
      service: "web",
      platform: over.platform ?? "linux/amd64",
      configDigest,
      manifestDigest: over.manifestDigest ?? sha256Digest(`manifest of ${configDigest}`),
      config,
      layerDigests: over.layerDigests ?? [digest],
      layerSizes: [over.layerSize ?? BigInt(layer.length)],
      sizeBytes: BigInt(layer.length),
    },
  });
  const half = over.part ?? 128 * 1024;
  const content = over.content ?? layer;
  for (const offset of [0, half]) {
    const part = {
      digest,
      sizeBytes: BigInt(layer.length),
      offset: BigInt(offset),
      content: content.subarray(offset, offset === 0 ? half : undefined),
    };
    send({ $case: "filePart", value: part });
  }
  return configDigest;
}

test("what a host builds is stored, pinned by a revision, and reused for the same source", async () => {
  const build = await start();
  expect(build).toMatchObject({ hostId: host.hostId, services: [{ service: "web", state: "STATE_PENDING" }] });
  const agent = await takeBuild();
  expect(agent.tasks).toMatchObject([
    {
      service: "web",
      reference: `shop-${stacksMade}-web`,
      platform: "linux/amd64",
      dockerfile: "Dockerfile",
      baseImages: ["busybox"],
    },
  ]);
  expect(agent.tasks[0]?.files.map(({ path: name }) => name)).toEqual(["Dockerfile", "main.js"]);
  agent.send({ $case: "buildLine", value: { service: "web", text: "step 1" } });
  const layer = randomBytes(200_000);
  const configDigest = sendImage(agent.send, layer);
  agent.end();
  expect(await ended(build)).toMatchObject({
    state: "STATE_SUCCEEDED",
    services: [{ configDigest, state: "STATE_SUCCEEDED" }],
  });
  const events = await watched(build);
  expect(events.flatMap(({ line = "", build: now }) => (now === undefined ? [line] : []))).toEqual(["step 1"]);
  expect(events.at(0)?.build?.state).toBe("STATE_SUCCEEDED");
  const again = await start();
  expect(again).toMatchObject({ state: "STATE_SUCCEEDED", services: [{ reused: true, configDigest }] });
  const revision = await ok("POST", `stacks/${stackId}/revisions`, { source: source() });
  expect(revision).toMatchObject({ number: 1, builtServices: ["web"] });
  const listed = await ok<{ builds: Build[] }>("GET", `stacks/${stackId}/builds`);
  expect(listed.builds.map(({ id }) => id)).toEqual([again.id, build.id]);
});

test("its files are for the host that builds, while it builds", async () => {
  await start();
  const agent = await takeBuild();
  const stranger = await hosts.newHost(`stranger-${stacksMade}`);
  await expect(fetchFile(stranger, agent.tasksDigest, agent.buildId)).rejects.toThrow("WF_FILE_NOT_DESIRED");
  await expect(fetchFile(host, agent.tasksDigest, "")).rejects.toThrow("WF_FILE_NOT_DESIRED");
  agent.end("stopped");
  await ended({ id: agent.buildId });
  await expect(fetchFile(host, agent.tasksDigest, agent.buildId)).rejects.toThrow("WF_FILE_NOT_DESIRED");
  const seen = await app.platform.database.inOrganization(STRANGER, (tx) => readBuild(tx, agent.buildId, "look"));
  expect(seen).toBeUndefined();
});

test("credentials are for the host that builds, and for the registries that its Dockerfile names", async () => {
  for (const address of ["base.example.com", "tools.example.com", "other.example.com"])
    await ok("POST", "registries", { address, username: "robot", password: "secret" });
  const dockerfile =
    "ARG TAG=1\nFROM base.example.com/team/base:${TAG} AS base\nFROM base\nCOPY --from=tools.example.com/x:1 /x /x\n";
  await start(source(dockerfile));
  const agent = await takeBuild();
  expect(agent.tasks[0]?.baseImages).toEqual(["base.example.com/team/base:1", "tools.example.com/x:1"]);
  const isGiven = async (as: TestIdentity, address: string, buildId: string): Promise<boolean> => {
    const client = dial(app, as);
    try {
      return await new Promise((resolve, reject) => {
        client.fetchRegistryAuth({ registries: [address], buildId }, (error, answer) =>
          error === null ? resolve(answer.sealed !== undefined) : reject(error),
        );
      });
    } finally {
      client.close();
    }
  };
  expect(await isGiven(host, "base.example.com", agent.buildId)).toBe(true);
  expect(await isGiven(host, "tools.example.com", agent.buildId)).toBe(true);
  expect(await isGiven(host, "other.example.com", agent.buildId)).toBe(false);
  expect(await isGiven(host, "base.example.com", "")).toBe(false);
  const stranger = await hosts.newHost(`stranger-${stacksMade}`);
  expect(await isGiven(stranger, "base.example.com", agent.buildId)).toBe(false);
  agent.end("over");
  await ended({ id: agent.buildId });
  expect(await isGiven(host, "base.example.com", agent.buildId)).toBe(false);
});

test("of a long output the newest lines are kept, and the sequence tells of the others", async () => {
  const build = await start();
  const agent = await takeBuild();
  const total = LINES_KEPT + 500;
  for (let i = 1; i <= total; i++) agent.send({ $case: "buildLine", value: { service: "web", text: `line ${i}\0` } });
  agent.send({ $case: "buildFailure", value: { service: "web", problem: "it broke" } });
  agent.end("it broke");
  expect(await ended(build)).toMatchObject({ state: "STATE_FAILED", cause: "web: it broke" });
  const lines = (await watched(build)).filter((event) => event.build === undefined);
  expect(lines).toHaveLength(LINES_KEPT);
  expect(lines.at(-1)).toMatchObject({ line: `line ${total}`, sequence: String(total) });
});

test.each([
  [
    "other layers than its configuration",
    { layerDigests: [sha256Digest("another")] },
    /its layers are not those of its configuration/,
  ],
  ["a layer that is too large to travel", { layerSize: 2n ** 31n }, /WF_BUILD_TOO_LARGE: a layer .* 2048 MiB/],
  ["a layer in parts that are too small", { part: 1_000 }, /a part of sha256:.* is too small/],
  ["a manifest without a digest", { manifestDigest: "shop-web:latest" }, /its manifest has no digest/],
  ["a platform that is none", { platform: "linux/amd64 --privileged" }, /its platform is none/],
  ["a layer with another content", { content: randomBytes(200_000) }, /WF_FILE_DIGEST_MISMATCH/],
])("an image with %s is refused", async (_what, over, cause) => {
  const build = await start();
  const agent = await takeBuild();
  sendImage(agent.send, randomBytes(200_000), over);
  agent.end();
  expect(await ended(build)).toMatchObject({ state: "STATE_FAILED", cause: expect.stringMatching(cause) });
  const refused = await app.rest.call("POST", path(`stacks/${stackId}/revisions`), { source: source() });
  expect(refused.json).toMatchObject({ code: "WF_BUILD_NEEDED" });
});

test("a build ends with the link to its host, and with the control plane that led it", async () => {
  const lost = await start();
  const agent = await takeBuild();
  agent.send({ $case: "buildLine", value: { service: "web", text: "so far so good" } });
  const { database, jobs } = app.platform;
  const { organizationId } = app;
  const lines = () => database.inOrganization(organizationId, (tx) => readLines(tx, agent.buildId, 0, 1));
  await vi.waitUntil(async () => (await lines()).length > 0, { timeout: 10_000 });
  agent.breakOff();
  expect(await ended(lost)).toMatchObject({ state: "STATE_FAILED", cause: expect.stringMatching(/connection|host/i) });

  const orphan = await start();
  await takeBuild();
  // As another control plane finds it when the lease of the one that died has run out.
  await database.inOrganization(organizationId, (tx) =>
    jobs.enqueue(tx, runBuild, {
      key: `${orphan.id}-again`,
      payload: { organizationId, buildId: orphan.id ?? "" },
    }),
  );
  expect(await ended(orphan)).toMatchObject({
    state: "STATE_FAILED",
    cause: expect.stringContaining("The control plane that led this build stopped in the middle of it."),
  });
});

test("cancelling closes the stream to the host; another build may follow", async () => {
  const build = await start();
  const agent = await takeBuild();
  const second = await app.rest.call("POST", path(`stacks/${stackId}/builds`), { source: source("FROM other\n") });
  expect(second.json).toMatchObject({ code: "WF_BUILD_UNDER_WAY" });
  const cancelled = await ok<Build>("POST", `builds/${build.id}:cancel`, {});
  expect(cancelled).toMatchObject({ state: "STATE_CANCELLED", services: [{ state: "STATE_CANCELLED" }] });
  await vi.waitUntil(agent.isClosed, { timeout: 5_000 });
  agent.end("closed");
  const next = await start(source("FROM other\n"));
  (await takeBuild()).end("enough");
  await ended(next);
  expect(await get(build)).toMatchObject({ state: "STATE_CANCELLED" });
});

test("a build that is cancelled at its very beginning does not go on", async () => {
  const { database } = app.platform;
  const inOrganization = database.inOrganization.bind(database);
  const spy = vi.spyOn(database, "inOrganization");
  // Between the unit of work that begins it and the first look at what is told.
  spy.mockImplementation(async (...call: Parameters<typeof inOrganization>) => {
    const begun = (await inOrganization(...call)) as { id?: string; state?: string; tasksDigest?: string } | undefined;
    if (begun?.state !== "pending" || begun.tasksDigest === undefined) return begun as never;
    spy.mockRestore();
    await inOrganization(app.organizationId, (tx) => updateBuild(tx, begun.id ?? "", { state: "cancelled" }));
    return begun as never;
  });
  await start();
  const command = await session.next("openStream").catch(() => undefined);
  if (command === undefined) return;
  const client = dial(app, host);
  const call = client.openStream();
  const closed = new Promise((resolve) => {
    call.on("data", resolve);
    call.on("error", resolve);
    call.on("end", resolve);
  });
  call.write({ kind: { $case: "ticket", value: command.ticket } });
  await closed;
  client.close();
});

test("a host builds for one stack after the other; who waits says so", async () => {
  const first = await start();
  const agent = await takeBuild();
  const placement = { hostIds: [host.hostId] };
  const other = await ok<{ id: string }>("POST", "stacks", { name: `second-${stacksMade}`, placement });
  const second = await ok<Build>("POST", `stacks/${other.id}/builds`, { source: source() });
  await vi.waitUntil(async () => (await get(second)).cause?.includes("builds for another stack"), { timeout: 5_000 });
  expect(await get(second)).toMatchObject({ state: "STATE_PENDING" });
  agent.end("first is over");
  await ended(first);
  const next = await takeBuild();
  expect(next.buildId).toBe(second.id);
  next.end("second is over");
  expect(await ended(second)).toMatchObject({ cause: "second is over" });
});

test("what cannot be honoured is refused by name before anything is built", async () => {
  const compose = `services:
  web:
    build:
      context: ./app
      secrets: [key]
      ssh: [default]
      args: {PASSWORD: "\${PASSWORD}"}
      cache_from: [x]
secrets:
  key: {environment: PASSWORD}
`;
  const from = { ...source(undefined, compose), variables: [{ name: "PASSWORD", value: "hunter2", secret: true }] };
  const refused = await app.rest.call("POST", path(`stacks/${stackId}/builds`), { source: from });
  expect(refused.json).toMatchObject({ code: "WF_BUILD_UNSUPPORTED" });
  const { violations } = refused.json as { violations: { path: string }[] };
  expect(violations.map((one) => one.path)).toEqual([
    "services.web.build.secrets",
    "services.web.build.ssh",
    "services.web.build.args",
  ]);
  expect(refused.text).not.toContain("hunter2");
});

test("who may write stacks and not deploy them runs no commands on a host", async () => {
  const made = await app.rest.call("POST", path("apiTokens"), { name: "writer", permissions: ["stacks.write"] });
  const { secret } = made.json as { secret: string };
  const headers = { authorization: `Bearer ${secret}` };
  const refused = await app.rest.call("POST", path(`stacks/${stackId}/builds`), { source: source() }, headers);
  expect(refused).toMatchObject({ status: 403, json: { code: "WF_PERMISSION_DENIED" } });
});

test("without a connected host the cause is told", async () => {
  session.close();
  await hosts.until(host.hostId, (one) => (one.presence as unknown) !== "PRESENCE_ONLINE", 500).catch(() => undefined);
  const placement = { hostIds: ["hst_nowhere"] };
  await ok("PATCH", `stacks/${stackId}`, { placement });
  const refused = await app.rest.call("POST", path(`stacks/${stackId}/builds`), { source: source() });
  expect(refused.json).toMatchObject({ code: "WF_BUILD_NO_HOST", detail: "the stack's placement selects no host" });
});
