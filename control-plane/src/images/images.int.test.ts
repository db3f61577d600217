import { randomBytes, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeImage, publishImage, startLocalRegistry, type MadeImage, type TestRegistry } from "@windflow/e2e/testbed";
import type { FetchImageResponse } from "@windflow/proto/agent";
import type { ImageCache, Revision, Stack } from "@windflow/proto/api";
import { sha256Digest, verifyTicket } from "@windflow/core";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createSealer, installationKey, sha256 } from "../platform/index.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { dial, type TestIdentity, type TestSession } from "../testing/test-agent.ts";
import { createImages, type Images } from "./images.ts";
import { askRegistry } from "./registry-http.ts";
import { lackOfDisk } from "./room.ts";

const MIB = 1024 * 1024;
const PLATFORM = "linux/amd64";
const SECRET = "the token of the front";
const PATIENCE = { timeout: 30_000, interval: 50 };

/**
 * What stands before the registry, as hosted ones are: bearer tokens for a name and password, and blobs in a store at another address.
 * It counts what is asked.
 */
interface Front {
  readonly address: string;
  readonly storeAddress: string;
  /** Digest → bytes that were sent of it. */
  readonly sent: Map<string, number>;
  /** Requests to the store, with what they said of themselves. */
  readonly atStore: { readonly authorization: string | undefined; readonly range: string | undefined }[];
  /** Ends the next answers of the store after that many bytes. */
  cutAfter: number | undefined;
  /** Changes a byte of what the store sends. */
  spoil: boolean;
  /** What its token service answers instead of a token. */
  page: string | undefined;
  requests: number;
  stop(): Promise<void>;
}

let registry: TestRegistry & { stop(): Promise<void> };
let front: Front;
let app: TestApp;
let other: TestApp;
let stateDirectory: string;
/** The same cache again, for what only this process asks. */
let images: Images;
let hosts: TestHosts;
let edge: TestIdentity;
let stranger: TestIdentity;
let sessions: TestSession[] = [];
let shared: MadeImage;
let names = 0;

beforeAll(async () => {
  registry = await startLocalRegistry({ credentials: true });
  front = await startFront(registry);
  const settings = { insecure: [front.address, front.storeAddress, registry.address], cacheBytes: 6 * MIB };
  stateDirectory = await mkdtemp(join(tmpdir(), "windflow-images-"));
  app = await startTestApp({ parts: { images: settings }, stateDirectory });
  // A second control plane on the same database.
  other = await startTestApp({ parts: { images: settings }, stateDirectory, database: app.database });
  const { platform } = app;
  images = createImages({
    platform: { ...platform, jobs: { ...platform.jobs, register: () => undefined } },
    vault: {} as never,
    files: {} as never,
    settings,
    secret: createSealer(await installationKey(stateDirectory)).derive("layer tickets"),
    namedDigests: async () => new Set(),
  });
  hosts = testHosts(app);
  edge = await hosts.newHost("edge");
  stranger = await hosts.newHost("stranger");
  sessions = [await hosts.session(edge), await hosts.session(stranger)];
  const body = { address: front.address, username: registry.username, password: registry.password };
  await call("POST", "registries", body);
  shared = imageOf(2);
});
afterAll(async () => {
  for (const session of sessions) session.close();
  await other?.stop();
  await app?.stop();
  await front?.stop();
  await registry?.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${path}`, body);
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
  return response.json as Answer;
}
/** Random bytes do not get smaller by compressing. */
const imageOf = (...mebibytes: number[]): MadeImage =>
  makeImage(
    mebibytes.map((size) => ({ tar: randomBytes(size * MIB), compression: "gzip" })),
    ["/bin/true"],
  );
const referenceTo = (image: MadeImage, repository: string, registryAddress = front.address): string =>
  `${registryAddress}/${repository}@${image.indexDigest}`;

/** A stack on the host whose revision names the image. */
async function desire(identity: TestIdentity, reference: string): Promise<void> {
  const { id } = await call<Stack>("POST", "stacks", {
    name: `app-${++names}`,
    placement: { hostIds: [identity.hostId] },
  });
  const source = { files: { "compose.yaml": JSON.stringify({ services: { web: { image: reference } } }) } };
  const { number } = await call<Revision>("POST", `stacks/${id}/revisions`, { source });
  await call("POST", "rollouts", { stackId: id, revision: number });
  await vi.waitUntil(async () => {
    const { rows } = await app.platform.database.asSystem((tx) =>
      sql`SELECT 1 FROM host_desired_stacks WHERE stack_id = ${id}`.execute(tx.queries),
    );
    return rows.length > 0;
  }, PATIENCE);
}
const ask = (
  identity: TestIdentity,
  reference: string,
  server: TestApp = app,
  platform = PLATFORM,
): Promise<FetchImageResponse> => {
  const client = dial(server, identity);
  const digest = reference.slice(reference.indexOf("@") + 1);
  return new Promise<FetchImageResponse>((resolve, reject) =>
    client.fetchImage({ reference, digest, platform }, (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    ),
  ).finally(() => client.close());
};
/** Asks again for as long as it is told to. */
async function answerFor(
  identity: TestIdentity,
  reference: string,
  server: TestApp = app,
): Promise<FetchImageResponse> {
  return vi.waitUntil(async () => {
    const answer = await ask(identity, reference, server);
    return answer.retryAfterMs > 0 ? undefined : answer;
  }, PATIENCE);
}
async function bytesOf(identity: TestIdentity, digest: string, offset = 0): Promise<Buffer> {
  const client = dial(app, identity);
  try {
    const pieces: Uint8Array[] = [];
    for await (const chunk of client.fetchFile({ digest, offset: BigInt(offset), buildId: "" }))
      pieces.push((chunk as { content: Uint8Array }).content);
    return Buffer.concat(pieces);
  } finally {
    client.close();
  }
}

test("many hosts and two control planes ask at once: the registry is asked once for each layer, and every byte is that of its digest", async () => {
  await publishImage(registry, "team/shared", "1", shared);
  const reference = referenceTo(shared, "team/shared");
  await desire(edge, reference);
  const asked = await Promise.all([app, other, app, other, app].map((server) => answerFor(edge, reference, server)));
  for (const { documents, problem } of asked) {
    expect(problem).toBe("");
    expect(documents.map(sha256Digest)).toEqual([shared.indexDigest, shared.manifestDigest, shared.configDigest]);
  }
  const [layer] = shared.layers;
  expect(front.sent.get(layer?.digest ?? "")).toBe(layer?.sizeBytes);
  const whole = await bytesOf(edge, layer?.digest ?? "");
  expect(sha256Digest(whole)).toBe(layer?.digest);
  expect(await bytesOf(edge, layer?.digest ?? "", MIB)).toEqual(whole.subarray(MIB));
  // The password went to the front for a token, the token to the front; the store got neither.
  expect(front.atStore.length).toBeGreaterThan(0);
  expect(front.atStore.every(({ authorization }) => authorization === undefined)).toBe(true);
});

test("tickets name the host that asked", async () => {
  const reference = referenceTo(shared, "team/shared");
  const { tickets } = await answerFor(edge, reference);
  const [{ digest, ticket } = { digest: "", ticket: new Uint8Array() }] = tickets;
  const keyOf = ({ certificateChain }: TestIdentity): Uint8Array =>
    sha256(new X509Certificate(certificateChain).publicKey.export({ format: "der", type: "spki" }));
  const { publicKey } = images.signerOf(app.organizationId);
  const claim = { organizationId: app.organizationId, digest, now: Date.now() };
  expect(verifyTicket(publicKey, ticket, { ...claim, keySha256: keyOf(edge) })).toBe(true);
  expect(verifyTicket(publicKey, ticket, { ...claim, keySha256: keyOf(stranger) })).toBe(false);
});

test("a host whose desired state does not name the image gets neither it nor its layers, whatever digests it knows", async () => {
  const reference = referenceTo(shared, "team/shared");
  const notThere = { code: 5, details: expect.stringContaining("No stack that this host must run names the image") };
  await expect(ask(stranger, reference)).rejects.toMatchObject(notThere);
  await expect(bytesOf(stranger, shared.layers[0]?.digest ?? "")).rejects.toMatchObject({ code: 5 });
  // Nor under another name than that of the revision: it is the name that says which registry is asked, and with what.
  await expect(ask(edge, referenceTo(shared, "team/other"))).rejects.toMatchObject(notThere);
  await expect(ask(edge, referenceTo(shared, "team/shared", "169.254.169.254"))).rejects.toMatchObject(notThere);
});

test("a line that breaks is gone on with from where it broke; what is not what its digest says is thrown away", async () => {
  const cut = imageOf(3);
  await publishImage(registry, "team/cut", "1", cut);
  const reference = referenceTo(cut, "team/cut");
  await desire(edge, reference);
  const before = front.atStore.length;
  front.cutAfter = 1.25 * MIB;
  const answer = await answerFor(edge, reference);
  expect(answer.problem).toBe("");
  front.cutAfter = undefined;
  const ranges = front.atStore.slice(before).map(({ range }) => range);
  expect(ranges.filter((range) => range !== undefined).length).toBeGreaterThanOrEqual(2);
  const { digest = "", sizeBytes = 0 } = cut.layers[0] ?? {};
  expect(front.sent.get(digest)).toBeLessThan(sizeBytes + MIB);

  const spoiled = imageOf(1);
  await publishImage(registry, "team/spoiled", "1", spoiled);
  const bad = referenceTo(spoiled, "team/spoiled");
  await desire(edge, bad);
  front.spoil = true;
  expect(await answerFor(edge, bad)).toMatchObject({ code: "WF_IMAGE_DAMAGED", documents: [] });
  front.spoil = false;
  await expect(bytesOf(edge, spoiled.layers[0]?.digest ?? "")).rejects.toMatchObject({ code: 5 });
});

test("what a registry refuses, lacks or is not is said in one sentence with a code", async () => {
  const missing = `${front.address}/team/none@sha256:${"0".repeat(64)}`;
  const closed = `${registry.address}/team/shared@${shared.indexDigest}`;
  const away = `127.0.0.1:1/team/app@${shared.indexDigest}`;
  const link = `169.254.169.254/latest/meta@${shared.indexDigest}`;
  const cases: [string, string, RegExp][] = [
    [missing, "WF_IMAGE_NOT_FOUND", /has no team\/none/],
    [closed, "WF_REGISTRY_UNAUTHORIZED", /wants credentials for team\/shared .* there are none/],
    [away, "WF_REGISTRY_REFUSED", /own machine or link/],
    [link, "WF_REGISTRY_REFUSED", /own machine or link/],
  ];
  for (const [reference, code, problem] of cases) {
    await desire(edge, reference);
    const answer = await answerFor(edge, reference);
    expect({ reference, ...answer }).toMatchObject({ code, problem: expect.stringMatching(problem), documents: [] });
  }
  // What is no answer of a token service is told at once, and not tried for ever.
  const odd = `${front.address}/team/odd@sha256:${"1".repeat(64)}`;
  await desire(edge, odd);
  front.page = "<html>";
  expect(await answerFor(edge, odd)).toMatchObject({
    code: "WF_REGISTRY_UNREACHABLE",
    problem: expect.stringContaining("without a token"),
  });
  front.page = undefined;
  // A name that stands for such an address is one; and a registry cannot send us to one.
  const trust = { insecure: [front.address] };
  const signal = AbortSignal.timeout(10_000);
  await expect(askRegistry({ url: new URL("https://localhost/v2/"), headers: {}, signal }, trust)).rejects.toThrow(
    "own machine or link",
  );
  const redirecting = new URL(`http://${front.address}/away`);
  await expect(askRegistry({ url: redirecting, headers: {}, signal }, trust)).rejects.toThrow("own machine or link");
});

test("the cache keeps within its room: what no desired state names goes first, then what was used longest ago", async () => {
  const large = imageOf(3);
  await publishImage(registry, "team/large", "1", large);
  const reference = referenceTo(large, "team/large");
  await desire(edge, reference);
  expect(await answerFor(edge, reference)).toMatchObject({ problem: "" });
  const shown = await call<ImageCache>("GET", "imageCache");
  expect(Number(shown.bytesUsed)).toBeLessThanOrEqual(6 * MIB);
  expect(Number(shown.bytesLimit)).toBe(6 * MIB);
  const states = shown.images.map(
    (image) => `${image.reference.replace(/^.*\/team/, "team").replace(/@.*/, "")} ${image.state}`,
  );
  expect(states).toContain("team/large ready");
  expect(states).not.toContain("team/shared ready");
  // What was put out comes back when it is asked for.
  expect(await answerFor(edge, referenceTo(shared, "team/shared"))).toMatchObject({ problem: "" });

  const huge = imageOf(7);
  await publishImage(registry, "team/huge", "1", huge);
  await desire(edge, referenceTo(huge, "team/huge"));
  expect(await answerFor(edge, referenceTo(huge, "team/huge"))).toMatchObject({
    code: "WF_IMAGE_CACHE_FULL",
    problem: expect.stringContaining("for all images"),
  });
});

test("platforms that nobody has are refused and leave nothing behind; what failed is forgotten after a week", async () => {
  const reference = referenceTo(shared, "team/shared");
  for (const platform of [
    "linux/invented",
    "linux/amd64/v77",
    "plan9/amd64",
    "linux/arm64/v8/more",
    "",
    "x".repeat(9_000),
  ])
    expect(await ask(edge, reference, app, platform)).toMatchObject({
      code: "WF_IMAGE_PLATFORM",
      problem: expect.stringMatching(/^no host is of the platform ".{0,50}"$/),
    });
  const platforms = async (): Promise<string[]> => {
    const { rows } = await app.platform.database.asSystem((tx) =>
      sql<{ platform: string }>`SELECT DISTINCT platform FROM cached_images ORDER BY platform`.execute(tx.queries),
    );
    return rows.map(({ platform }) => platform);
  };
  expect(await platforms()).toEqual([PLATFORM]);
  expect((await ask(edge, reference, app, "linux/riscv64")).retryAfterMs).toBeGreaterThan(0);
  await vi.waitUntil(async () => (await ask(edge, reference, app, "linux/riscv64")).problem !== "", PATIENCE);
  expect(await platforms()).toEqual([PLATFORM, "linux/riscv64"]);
  await app.platform.database.asSystem((tx) =>
    sql`UPDATE cached_images SET told_at = now() - interval '8 days' WHERE platform = 'linux/riscv64'`.execute(
      tx.queries,
    ),
  );
  await ask(edge, reference, app, "linux/s390x");
  expect(await platforms()).toEqual([PLATFORM, "linux/s390x"]);
});

test("an image that is too large for the disk of the database is refused with what it needs and what is there", async () => {
  const lack = (bytes: number): Promise<string | undefined> =>
    app.platform.database.asSystem((tx) => lackOfDisk(tx, stateDirectory, bytes));
  expect(await lack(1_000)).toBeUndefined();
  expect(await lack(1e15)).toMatch(/^it needs 1060\.0 TB; .* are free on its disk, of which 2\.1 GB stay reserved$/);
});

async function startFront(behind: TestRegistry): Promise<Front> {
  const state: Omit<Front, "address" | "storeAddress" | "stop"> = {
    sent: new Map(),
    atStore: [],
    cutAfter: undefined,
    spoil: false,
    page: undefined,
    requests: 0,
  };
  const basic = `Basic ${Buffer.from(`${behind.username}:${behind.password}`).toString("base64")}`;
  const pass = (request: IncomingMessage, answer: ServerResponse, onBody: (from: IncomingMessage) => void): void => {
    const [host = "", port = ""] = behind.address.split(":");
    const { range, accept } = request.headers;
    const headers = { authorization: basic, ...(accept && { accept }), ...(range && { range }) };
    httpRequest({ host, port, path: request.url, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 500, from.headers);
      onBody(from);
    }).end();
  };
  const store = await listen((request, answer) => {
    const digest = /sha256:[0-9a-f]{64}/.exec(request.url ?? "")?.[0] ?? "";
    state.atStore.push({ authorization: request.headers.authorization, range: request.headers.range });
    pass(request, answer, (from) => {
      let length = 0;
      from.on("data", (piece: Buffer) => {
        if (state.spoil) piece[0] = (piece[0] ?? 0) ^ 1;
        const rest = state.cutAfter === undefined ? piece : piece.subarray(0, Math.max(0, state.cutAfter - length));
        length += rest.length;
        state.sent.set(digest, (state.sent.get(digest) ?? 0) + rest.length);
        answer.write(rest);
        if (rest.length < piece.length) answer.destroy();
      });
      from.on("end", () => answer.end());
    });
  });
  const door = await listen((request, answer) => {
    const url = new URL(request.url ?? "", `http://${request.headers.host}`);
    if (url.pathname === "/away") return void answer.writeHead(307, { location: "https://169.254.169.254/" }).end();
    if (url.pathname === "/token") {
      const isKnown = request.headers.authorization === basic;
      return void answer.writeHead(isKnown ? 200 : 401).end(state.page ?? JSON.stringify({ token: SECRET }));
    }
    if (request.headers.authorization !== `Bearer ${SECRET}`) {
      const realm = `Bearer realm="http://${request.headers.host}/token",service="front",scope="repository:x:pull"`;
      return void answer.writeHead(401, { "www-authenticate": realm }).end();
    }
    state.requests++;
    if (!url.pathname.includes("/blobs/")) return pass(request, answer, (from) => void from.pipe(answer));
    answer.writeHead(307, { location: `http://${addressOf(store)}${url.pathname}` }).end();
  });
  return Object.assign(state, {
    address: addressOf(door),
    storeAddress: addressOf(store),
    stop: async () => {
      for (const server of [door, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  });
}

function listen(handler: (request: IncomingMessage, answer: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
