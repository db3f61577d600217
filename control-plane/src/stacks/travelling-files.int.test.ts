import { createHash, randomBytes } from "node:crypto";
import { credentials, Metadata } from "@grpc/grpc-js";
import { FetchBodyRequest, FetchFileRequest, StackBody, type AgentServiceClient } from "@windflow/proto/agent";
import { StacksServiceClient, type Revision, type Rollout, type SourceFile, type Stack } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFiles, type Files } from "../files/index.ts";
import type { TestResponse } from "../testing/rest.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial } from "../testing/test-agent.ts";

// Named by its digest, so that nobody is asked what it stands for.
const IMAGE = `shop/web@sha256:${"1".repeat(64)}`;
const YAML = `services:
  web:
    image: ${IMAGE}
    volumes: ["./static:/static:ro", "./site.conf:/etc/site.conf:ro"]
    configs: [logo]
configs:
  logo: { file: static/logo.png }
`;

let app: TestApp;
let hosts: TestHosts;
/** The same store again, without its timer. */
let files: Files;
beforeAll(async () => {
  app = await startTestApp();
  const { database, clock, jobs } = app.platform;
  files = createFiles({ database, clock, jobs: { ...jobs, register: () => undefined }, audit: app.app.audit });
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const rest = (method: string, path: string, body?: object): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${path}`, body);
async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await rest(method, path, body);
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
  return response.json as Answer;
}
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
async function upload(content: Uint8Array): Promise<string> {
  const piece = { digest: digestOf(content), sizeBytes: String(content.length), offset: "0" };
  await call("POST", "files:putChunk", { ...piece, content: Buffer.from(content).toString("base64") });
  return piece.digest;
}
const attached = (path: string, more: Partial<SourceFile>): Partial<SourceFile> => ({ path, ...more });
const newStack = (name: string, ...hostIds: string[]): Promise<Stack> =>
  call<Stack>("POST", "stacks", { name, placement: { hostIds } });
const revise = (stackId: string, files: Record<string, string>, attachments: object[]): Promise<Revision> =>
  call<Revision>("POST", `stacks/${stackId}/revisions`, { source: { files, attachments } });
async function bytesOf(stream: ReturnType<AgentServiceClient["fetchFile"]>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push((chunk as { content: Uint8Array }).content);
  return Buffer.concat(chunks);
}
const fetchFile = (client: AgentServiceClient, digest: string, offset = 0): Promise<Buffer> =>
  bytesOf(client.fetchFile(FetchFileRequest.fromPartial({ digest, offset: BigInt(offset) })));

test("files travel with a revision: stored, shown through both doors, in the body of its hosts, and fetched by them alone", async () => {
  const [mine, other] = [await hosts.newHost("mine"), await hosts.newHost("other")];
  const logo = randomBytes(150_000);
  const small = randomBytes(1_000);
  const unneeded = randomBytes(2_000);
  const attachments = [
    attached("static/logo.png", { digest: await upload(logo), mode: 0o640, uid: 101, gid: 102 }),
    attached("static/small.bin", { digest: await upload(small) }),
    attached("static/latest", { linkTarget: "logo.png" }),
    attached("static/cache", { folder: true, mode: 0o700 }),
    attached("src/main.bin", { digest: await upload(unneeded) }),
  ];
  const stack = await newStack("travel", mine.hostId);
  const created = await revise(stack.id, { "compose.yaml": YAML, "site.conf": "listen 80;" }, attachments);
  expect(created.source?.attachments).toMatchObject(attachments);
  expect((await grpcRevision(stack.id)).source?.attachments).toMatchObject(attachments);

  const [client, stranger] = [dial(app, mine), dial(app, other)];
  await expect(fetchFile(client, digestOf(logo))).rejects.toThrow("WF_FILE_NOT_DESIRED");
  const session = await hosts.session(mine);
  await call<Rollout>("POST", "rollouts", { stackId: stack.id });
  while ((await session.next("desiredState")).stacks.length === 0);
  const fetched = await bytesOf(client.fetchBody(FetchBodyRequest.fromPartial({ digest: created.bodyDigest })));
  const body = StackBody.decode(fetched);
  expect(body.composeFiles).toEqual(["/stack/compose.yaml"]);
  const line = ({ path, mode, uid, digest, content, linkTarget, folder }: (typeof body.files)[number]): string =>
    `${path} ${mode.toString(8)} ${uid} ${digest.slice(0, 6)} ${content.length} ${linkTarget} ${folder}`;
  expect(body.files.map(line)).toEqual([
    "/stack/.env 644 0  54  false",
    `/stack/compose.yaml 644 0  ${YAML.length}  false`,
    "/stack/site.conf 644 0  10  false",
    "/stack/static/cache 700 0  0  true",
    "/stack/static/latest 777 0  0 logo.png false",
    "/stack/static/logo.png 640 101 sha256 0  false",
    "/stack/static/small.bin 644 0  1000  false",
  ]);
  expect((await fetchFile(client, digestOf(logo))).equals(logo)).toBe(true);
  expect((await fetchFile(client, digestOf(logo), 100_001)).equals(logo.subarray(100_001))).toBe(true);
  // Neither another host, nor what only the source names, nor what nobody knows.
  await expect(fetchFile(stranger, digestOf(logo))).rejects.toThrow("WF_FILE_NOT_DESIRED");
  await expect(fetchFile(client, digestOf(unneeded))).rejects.toThrow("WF_FILE_NOT_DESIRED");
  await expect(fetchFile(client, `sha256:${"0".repeat(64)}`)).rejects.toThrow("WF_FILE_NOT_DESIRED");
  session.close();
  client.close();
  stranger.close();
});

test("another organization sees no file, no piece and no holder of this one", async () => {
  await upload(randomBytes(100_000));
  await app.platform.database.asSystem((tx) =>
    sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_else', 'else', now())`.execute(tx.queries),
  );
  const elsewhere = await app.platform.database.inOrganization("org_else", (tx) =>
    sql`SELECT 1 FROM stored_files UNION ALL SELECT 1 FROM stored_file_pieces UNION ALL SELECT 1 FROM file_holders`.execute(
      tx.queries,
    ),
  );
  expect(elsewhere.rows).toEqual([]);
});

test("an attachment that is not stored is named, and so is what a mount misses", async () => {
  const stack = await newStack("lacking");
  const digest = `sha256:${"2".repeat(64)}`;
  const source = { files: { "compose.yaml": YAML }, attachments: [attached("static/logo.png", { digest })] };
  const refused = await rest("POST", `stacks/${stack.id}/revisions`, { source });
  expect(refused.json).toMatchObject({
    code: "WF_FILE_NOT_STORED",
    violations: [{ path: "source.attachments[0].digest", message: expect.stringContaining("static/logo.png") }],
  });
  const missing = await rest("POST", `stacks/${stack.id}/revisions`, { source: { files: { "compose.yaml": YAML } } });
  expect(missing.json).toMatchObject({ code: "WF_STACK_INVALID" });
  expect(missing.text).toContain("add the folder ./static to the stack");
  expect(missing.text).toContain("add the file ./site.conf to the stack");
  const evil = { files: { "compose.yaml": YAML }, attachments: [attached("../evil", { folder: true })] };
  expect((await rest("POST", `stacks/${stack.id}/revisions`, { source: evil })).status).toBe(400);
  expect((await rest("POST", "stacks:render", { source: evil })).status).toBe(400);
});

test("compose files and env files may be attachments: they are read from the store when they are needed", async () => {
  const stack = await newStack("texts");
  const other = await upload(Buffer.from("services: {other: {image: other@sha256:" + "3".repeat(64) + "}}"));
  const env = await upload(Buffer.from("COLOUR=blue\n"));
  const yaml = `include: [more.yaml]\nservices: {web: {image: "${IMAGE}", env_file: web.env}}\n`;
  const source = {
    files: { "compose.yaml": yaml },
    attachments: [attached("more.yaml", { digest: other }), attached("web.env", { digest: env })],
  };
  const rendered = await call<{ model: object; problems: object[] }>("POST", "stacks:render", { source });
  expect(rendered.model).toMatchObject({ services: { web: { environment: { COLOUR: "blue" } }, other: {} } });
  const revision = await call<Revision>("POST", `stacks/${stack.id}/revisions`, { source });
  expect(revision.model).toMatchObject({ services: { web: { environment: { COLOUR: "blue" } } } });
});

test("two revisions at the same moment get two numbers, each with its own files", async () => {
  const stack = await newStack("racing");
  const made = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      revise(stack.id, { "compose.yaml": `services: {web: {image: "${IMAGE}", environment: {N: "${i}"}}}` }, []),
    ),
  );
  expect(made.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
});

test("a revision from before there were attachments is shown without any", async () => {
  const stack = await newStack("old");
  await revise(stack.id, { "compose.yaml": `services: {web: {image: "${IMAGE}"}}` }, []);
  await app.platform.database.asSystem((tx) =>
    sql`UPDATE stack_revisions SET source = source - 'attachments' WHERE stack_id = ${stack.id}`.execute(tx.queries),
  );
  expect((await grpcRevision(stack.id)).source).toMatchObject({ composeFiles: [], attachments: [] });
});

test("what a revision names stays stored; when the stack is deleted it goes after a day", async () => {
  const content = randomBytes(90_000);
  const digest = await upload(content);
  const text = "x".repeat(100_000);
  const stack = await newStack("freed");
  const yaml = `services: {web: {image: "${IMAGE}", volumes: ["./a:/a:ro", "./long.txt:/b:ro"]}}`;
  await revise(stack.id, { "compose.yaml": yaml, "long.txt": text }, [attached("a/b", { digest })]);
  const age = (): Promise<unknown> =>
    app.platform.database.asSystem((tx) =>
      sql`UPDATE stored_files SET touched_at = now() - interval '2 days' WHERE digest IN (${digest}, ${digestOf(Buffer.from(text))})`.execute(
        tx.queries,
      ),
    );
  const sweep = async (): Promise<string[]> => {
    await age();
    await files.sweep();
    const answer = await call<{ files: { digest: string; receivedBytes?: string }[] }>("POST", "files:check", {
      digests: [digest, digestOf(Buffer.from(text))],
    });
    return answer.files.map(({ receivedBytes = "0" }) => receivedBytes);
  };
  expect(await sweep()).toEqual(["90000", "100000"]);
  await call("DELETE", `stacks/${stack.id}`);
  expect(await sweep()).toEqual(["0", "0"]);
});

function grpcRevision(stackId: string): Promise<Revision> {
  const client = new StacksServiceClient(`localhost:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  return new Promise((resolve, reject) => {
    client.getRevision({ organization: app.organizationId, stackId, number: 1 }, metadata, (error, answer) => {
      client.close();
      return error === null ? resolve(answer) : reject(error);
    });
  });
}
