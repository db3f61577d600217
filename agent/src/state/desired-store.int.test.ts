import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { seal, sealRandomness, secretsContext, sha256Digest, x25519PublicKey } from "@windflow/core";
import { type SealedBox, SecretValues } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stackBody, wantedStack } from "../testing/stack-body.ts";
import { noFiles, openTestStore } from "../testing/open-store.ts";
import type { DesiredSource, DesiredStore } from "./desired-store.ts";
import { compareGenerations, formatGeneration, parseGeneration } from "./generation.ts";
import { claimState } from "./state-claim.ts";
import { readLocalPolicy } from "./local-policy.ts";

let folder: string;
const sealingPrivateKey = randomBytes(32);
const bodies = new Map<string, Uint8Array>();
const boxes = new Map<string, SealedBox>();
let fetched: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-desired-"));
  bodies.clear();
  boxes.clear();
  fetched = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (): DesiredStore =>
  openTestStore(folder, { sealingPrivateKey, policyFile: join(folder, "policy.json") }).store;
const source: DesiredSource = {
  body: async (digest) => {
    fetched.push(digest);
    return bodies.get(digest) ?? Buffer.from("nothing");
  },
  secrets: async ({ stackId, revision }) => boxes.get(`${stackId}/${revision}`),
  file: noFiles,
};
const put = (bytes: Uint8Array): string => {
  const digest = sha256Digest(bytes);
  bodies.set(digest, bytes);
  return digest;
};
const state = (
  n: bigint,
  ...stacks: { stackId: string; revision: number; bodyDigest: string }[]
): Parameters<DesiredStore["take"]>[0] => ({ generation: { term: 1n, n }, stacks: stacks.map(wantedStack) });

test("generations are compared by term, then by number", () => {
  const ordered = ["1.2", "1.10", "2.1", "2.2"].map(parseGeneration);
  expect(ordered.toSorted(compareGenerations).map(formatGeneration)).toEqual(["1.2", "1.10", "2.1", "2.2"]);
});

test("what was taken is there after a restart, without asking anybody; what it named before is kept for one generation more", async () => {
  const store = open();
  expect(store.world()).toBeUndefined();
  const first = put(stackBody({ revision: 1 }));
  const second = put(stackBody({ revision: 2 }));
  const third = put(stackBody({ revision: 3 }));
  await store.take(state(1n, { stackId: "stk_1", revision: 1, bodyDigest: first }), source);
  await store.take(state(2n, { stackId: "stk_1", revision: 2, bodyDigest: second }), source);
  await store.take(state(3n, { stackId: "stk_1", revision: 1, bodyDigest: first }), source);
  expect(fetched).toEqual([first, second]);
  await store.take(state(4n, { stackId: "stk_1", revision: 3, bodyDigest: third }), source);
  expect(readdirSync(join(folder, "desired/bodies"))).toHaveLength(2);
  const again = open();
  expect(again.world()).toMatchObject({
    generation: "1.4",
    organizationId: "org_1",
    stacks: [{ stackId: "stk_1", revision: 3, project: "shop" }],
  });
});

test("attempts and the volumes that may be made anew are there after a restart, and a file of an older agent is read", async () => {
  const bodyDigest = put(stackBody({ revision: 1 }));
  const wanted = {
    ...wantedStack({ stackId: "stk_1", revision: 1, bodyDigest }),
    attempt: "rol_1",
    recreateVolumes: ["data"],
  };
  await open().take({ generation: { term: 1n, n: 1n }, stacks: [wanted] }, source);
  expect(open().world()?.stacks).toMatchObject([{ attempt: "rol_1", recreateVolumes: ["data"] }]);
  const older = { generation: "1.1", stacks: [{ stackId: "stk_1", revision: 1, bodyDigest }] };
  writeFileSync(join(folder, "desired/desired.json"), JSON.stringify(older));
  expect(open().world()?.stacks).toMatchObject([{ revision: 1, attempt: "", recreateVolumes: [] }]);
});

test("a restored control plane with a higher term is followed, an older generation is not", async () => {
  const store = open();
  await store.take(state(9n), source);
  await expect(store.take(state(8n), source)).rejects.toMatchObject({ code: "WF_OLDER_GENERATION" });
  await expect(store.take(state(9n), source)).resolves.toBeUndefined();
  await store.take({ generation: { term: 2n, n: 1n }, stacks: [] }, source);
  expect(store.generation).toEqual({ term: 2n, n: 1n });
});

test("killed with SIGKILL at any moment, it has a whole state, at least as new as the last that it promised", async () => {
  const taker = join(import.meta.dirname, "testing/taker.ts");
  const rounds = 6;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, ["--conditions=@windflow/source", "--no-warnings", taker, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 10 + round * 13));
    child.kill("SIGKILL");
    await once(child, "exit");
    const promised = BigInt(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1) ?? 0);
    const store = open();
    expect(store.generation?.n).toBeGreaterThanOrEqual(promised);
    expect(store.world()?.stacks[0]?.revision).toBe(Number(store.generation?.n));
  }
});

test("a body altered on disk stops enforcement instead of removing what runs, and is mended when it is sent again", async () => {
  const digest = put(stackBody({}));
  const wanted = state(1n, { stackId: "stk_1", revision: 1, bodyDigest: digest });
  await open().take(wanted, source);
  writeFileSync(join(folder, "desired/bodies", digest.slice(7)), "altered");
  expect(() => open().world()).toThrow(/missing on this host or was altered/);
  expect(open().generation).toBeUndefined();
  const mended = open();
  await mended.take(wanted, source);
  expect(mended.world()?.stacks).toHaveLength(1);
  writeFileSync(join(folder, "desired/desired.json"), "{ torn");
  const torn = open();
  expect(() => torn.world()).toThrow(/nothing on this host is touched/);
  await torn.take(wanted, source);
  expect(open().generation).toEqual({ term: 1n, n: 1n });
});

test("secrets must come and must open with this host's key for this revision; then the state is taken", async () => {
  const store = open();
  const bodyDigest = put(stackBody({ secrets: ["P@1"] }));
  const wanted = state(1n, { stackId: "stk_1", revision: 1, bodyDigest });
  await expect(store.take(wanted, source)).rejects.toMatchObject({ code: "WF_SECRETS_UNAVAILABLE" });
  const values = SecretValues.encode({ values: [{ reference: "P@1", value: "s3cret" }] }).finish();
  const box = (context: string): SealedBox =>
    seal(x25519PublicKey(sealingPrivateKey), values, context, sealRandomness(randomBytes(44)));
  boxes.set("stk_1/1", box(secretsContext("stk_1", 2)));
  await expect(store.take(wanted, source)).rejects.toMatchObject({ code: "WF_SECRETS_UNAVAILABLE" });
  expect(store.generation).toBeUndefined();
  boxes.set("stk_1/1", box(secretsContext("stk_1", 1)));
  await store.take(wanted, source);
  expect(open().secretText({ stackId: "stk_1", revision: 1 }, "P@1")).toBe("s3cret");
  expect(open().secretText({ stackId: "stk_2", revision: 1 }, "P@1")).toBeUndefined();
});

test("files of a revision are found by digest, below the stack's folder on this host", async () => {
  const store = open();
  const content = Buffer.from("listen 80;");
  const bodyDigest = put(stackBody({ files: [{ path: "/stack/nginx.conf", content, mode: 0o444 }] }));
  await store.take(state(1n, { stackId: "stk_1", revision: 1, bodyDigest }), source);
  const stack = store.world()?.stacks[0];
  const path = join(folder, "stacks/shop/nginx.conf");
  expect(store.content({ bodyDigest }, stack?.files[path] ?? "")).toEqual(content);
});

test("a stack that local policy forbids is told once and does not hold the others up", async () => {
  const store = open();
  const forbidden = { stackId: "stk_1", revision: 1, bodyDigest: put(stackBody({ service: { privileged: true } })) };
  const other = { stackId: "stk_2", revision: 1, bodyDigest: put(stackBody({ stackId: "stk_2", stackName: "other" })) };
  const refused = await store.take(state(1n, forbidden), source);
  expect(refused).toMatchObject({ code: "WF_LOCAL_POLICY", reason: expect.stringContaining('"shop"') as string });
  expect(await store.take(state(2n, forbidden, other), source)).toBeUndefined();
  const refusals = store.world()?.stacks.map((stack) => store.refusal(stack) !== undefined);
  expect(refusals).toEqual([true, false]);
});

test("a state folder has one agent; it is free again when that one is gone", async () => {
  const long = join(folder, "x".repeat(100), "state");
  const release = await claimState(long);
  await expect(claimState(long)).rejects.toMatchObject({ code: "WF_ALREADY_RUNNING" });
  release();
  (await claimState(long))();
});

test("whoever may enter the state folder by its owner's mistake cannot command the agent", async () => {
  const mask = process.umask(0);
  chmodSync(folder, 0o777);
  const release = await claimState(folder);
  process.umask(mask);
  expect(statSync(join(folder, "agent.sock")).mode & 0o777).toBe(0o600);
  release();
});

test("a policy that others can write, or that is none, allows nothing and says so", () => {
  const path = join(folder, "policy.json");
  expect(readLocalPolicy(path)).toEqual({ privilegedStacks: [], allowedBindRoots: [] });
  writeFileSync(path, '{"privilegedStacks": ["*"]}', { mode: 0o600 });
  expect(readLocalPolicy(path)).toEqual({ privilegedStacks: ["*"], allowedBindRoots: [] });
  chmodSync(path, 0o666);
  expect(() => readLocalPolicy(path)).toThrow(/written by others/);
  chmodSync(path, 0o600);
  writeFileSync(path, '{"privileged": true}');
  expect(() => readLocalPolicy(path)).toThrow(/is no policy/);
});
