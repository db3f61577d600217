import { credentials, Metadata } from "@grpc/grpc-js";
import { createHash, randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FilesServiceClient, type PutFileChunkRequest, type StoredFile } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createClient } from "../platform/db/connection.ts";
import { commonErrors, type UnitOfWork } from "../platform/index.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { trimUnheld } from "./store.ts";
import { createFiles, EMPTY_FILE, filesErrors, type Files } from "./index.ts";

const MIB = 1024 * 1024;
// Longer than anything is kept for.
const DAYS = "3 days";
const STRANGER = "org_stranger";
// A collection takes some 30 ms.
const LOOK_EACH_BYTES = 8 * MIB;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

let app: TestApp;
let files: Files;
beforeAll(async () => {
  app = await startTestApp();
  const { database, clock } = app.platform;
  const jobs = { ...app.platform.jobs, register: () => undefined };
  files = createFiles({ database, clock, jobs, audit: app.app.audit, organizationBytes: 400 * MIB });
  await database.asSystem((tx) =>
    sql`INSERT INTO organizations (id, name, created_at) VALUES (${STRANGER}, 'stranger', now())`.execute(tx.queries),
  );
});
afterAll(async () => {
  await app.stop();
});

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const inTenant = <Result>(
  work: (tx: UnitOfWork) => Promise<Result>,
  organization = app.organizationId,
): Promise<Result> => app.platform.database.inOrganization(organization, work);
const rest = (method: string, body: object): ReturnType<TestApp["rest"]["call"]> =>
  app.rest.call("POST", `/v1/organizations/${app.organizationId}/files:${method}`, body);
const check = async (...digests: string[]): Promise<unknown> => {
  const answer = (await rest("check", { digests })).json as { files: { receivedBytes?: string; sizeBytes?: string }[] };
  return answer.files.map(({ receivedBytes = "0", sizeBytes = "0" }) => `${receivedBytes}/${sizeBytes}`);
};
const piece = (content: Uint8Array, offset: number, length: number): object => ({
  digest: digestOf(content),
  sizeBytes: String(content.length),
  offset: String(offset),
  content: Buffer.from(content.subarray(offset, offset + length)).toString("base64"),
});
async function stored(digest: string, offset = 0): Promise<Buffer> {
  const opened = await inTenant((tx) => files.store.open(tx, digest));
  const pieces: Uint8Array[] = [];
  for await (const bytes of opened?.readFrom(offset) ?? []) pieces.push(bytes);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
  return Buffer.concat(pieces);
}
const makeOld = (): Promise<unknown> =>
  app.platform.database.asSystem((tx) =>
    sql`UPDATE stored_files SET touched_at = now() - ${DAYS}::interval`.execute(tx.queries),
  );
/** As the role that owns the tables. */
async function asOwner(statements: string): Promise<void> {
  const client = createClient(app.database.connection, "test");
  await client.connect();
  await client.query(statements);
  await client.end();
}
async function sweepAll(): Promise<void> {
  while ((await files.sweep()) > 0);
}

test("a file is uploaded in pieces over REST, resumed where it broke off, and whole only when its digest agrees", async () => {
  const content = randomBytes(MIB + 100_000);
  expect(await check(digestOf(content))).toEqual(["0/0"]);
  expect((await rest("putChunk", piece(content, 0, 300_000))).status).toBe(200);
  expect(await check(digestOf(content))).toEqual([`300000/${content.length}`]);
  const twice = await rest("putChunk", piece(content, 0, 300_000));
  expect(twice.json).toMatchObject({ receivedBytes: "300000" });
  const beyond = await rest("putChunk", piece(content, 500_000, 100_000));
  expect(beyond.json).toMatchObject({ code: "WF_FILE_OFFSET", detail: expect.stringContaining("go on at 300000") });
  expect((await rest("putChunk", piece(content, 200_000, 800_000))).json).toMatchObject({ receivedBytes: "1000000" });
  expect(await inTenant((tx) => files.store.open(tx, digestOf(content)))).toBeUndefined();
  expect((await rest("putChunk", piece(content, 1_000_000, MIB))).status).toBe(200);
  expect(await check(digestOf(content))).toEqual([`${content.length}/${content.length}`]);
  expect((await stored(digestOf(content))).equals(content)).toBe(true);
  expect((await stored(digestOf(content), 777_777)).equals(content.subarray(777_777))).toBe(true);
});

test("the same over gRPC, and what is whole is not sent again", async () => {
  const client = new FilesServiceClient(`localhost:${app.port}`, credentials.createSsl(Buffer.from(app.ca)));
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${app.token}`);
  const content = randomBytes(200_000);
  const put = (request: Omit<PutFileChunkRequest, "organization">): Promise<StoredFile> =>
    new Promise((resolve, reject) => {
      client.putFileChunk({ organization: app.organizationId, ...request }, metadata, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  const whole = { digest: digestOf(content), sizeBytes: 200_000n, offset: 0n, content };
  expect(await put(whole)).toMatchObject({ receivedBytes: 200_000n });
  expect(await put({ ...whole, content: content.subarray(0, 100_000) })).toMatchObject({ receivedBytes: 200_000n });
  expect(await put({ digest: EMPTY_FILE, sizeBytes: 0n, offset: 0n, content: Buffer.alloc(0) })).toMatchObject({
    sizeBytes: 0n,
  });
  client.close();
});

test("bytes that took the place of those that were verified are not whole", async () => {
  const content = randomBytes(100_000);
  const digest = digestOf(content);
  const { database } = app.platform;
  const inOrganization = database.inOrganization.bind(database);
  const spy = vi.spyOn(database, "inOrganization");
  let writes = 0;
  spy.mockImplementation(async (...call: Parameters<typeof inOrganization>) => {
    // The first is the piece itself; before the second says that it is whole, somebody begins anew, twice.
    if (call[2]?.readOnly !== true && ++writes === 2) {
      spy.mockRestore();
      const other = { digest, offset: 0, content: randomBytes(70_000) };
      await files.store.put(app.organizationId, { ...other, sizeBytes: 90_000 });
      await files.store.put(app.organizationId, { ...other, sizeBytes: 100_000 });
    }
    return (await inOrganization(...call)) as never;
  });
  const put = files.store.put(app.organizationId, { digest, sizeBytes: 100_000, offset: 0, content });
  await expect(put).rejects.toMatchObject({ code: filesErrors.WF_FILE_OFFSET });
  expect(await inTenant((tx) => files.store.open(tx, digest))).toBeUndefined();
});

test("a file is read once for all who send its last byte at the same time", async () => {
  const content = randomBytes(2 * MIB);
  const digest = digestOf(content);
  const put = (offset: number, end: number): Promise<unknown> =>
    files.store.put(app.organizationId, { digest, sizeBytes: 2 * MIB, offset, content: content.subarray(offset, end) });
  await put(0, 2 * MIB - 1);
  const spy = vi.spyOn(app.platform.database, "inOrganization");
  await Promise.all(Array.from({ length: 10 }, () => put(2 * MIB - 1, 2 * MIB)));
  const reads = spy.mock.calls.filter(([, , options]) => options?.readOnly === true).length;
  spy.mockRestore();
  expect(reads).toBeLessThan(30);
  expect((await stored(digest)).equals(content)).toBe(true);
});

test("a file that came through one process is not read again in the end, one of two processes is", async () => {
  const { database, clock } = app.platform;
  const jobs = { ...app.platform.jobs, register: () => undefined };
  const other = createFiles({ database, clock, jobs, audit: app.app.audit, organizationBytes: 400 * MIB });
  const readsOf = async (second: Files): Promise<number> => {
    const content = randomBytes(3 * MIB);
    const digest = digestOf(content);
    const put = (by: Files, from: number): Promise<unknown> =>
      by.store.put(app.organizationId, {
        digest,
        sizeBytes: 3 * MIB,
        offset: from * MIB,
        content: content.subarray(from * MIB, (from + 1) * MIB),
      });
    const spy = vi.spyOn(database, "inOrganization");
    await put(files, 0);
    await put(second, 1);
    await put(files, 2);
    const reads = spy.mock.calls.filter(([, , options]) => options?.readOnly === true).length;
    spy.mockRestore();
    expect((await stored(digest)).equals(content)).toBe(true);
    return reads;
  };
  expect(await readsOf(files)).toBe(0);
  expect(await readsOf(other)).toBeGreaterThan(10);
});

test("another content than the digest says is dropped, with an error, and the right one can be uploaded then", async () => {
  const content = randomBytes(150_000);
  const wrong = { ...piece(content, 0, 150_000), content: randomBytes(150_000).toString("base64") };
  expect((await rest("putChunk", wrong)).json).toMatchObject({ code: "WF_FILE_DIGEST_MISMATCH" });
  expect(await check(digestOf(content))).toEqual(["0/0"]);
  expect((await rest("putChunk", { ...wrong, sizeBytes: "300000" })).status).toBe(200);
  await files.store.write(app.organizationId, content);
  expect((await stored(digestOf(content))).equals(content)).toBe(true);
});

test("a crash before the comparison: the last byte is asked for again, and completes it", async () => {
  const content = randomBytes(100_000);
  await files.store.write(app.organizationId, content);
  await inTenant((tx) =>
    sql`UPDATE stored_files SET whole = false WHERE digest = ${digestOf(content)}`.execute(tx.queries),
  );
  expect(await check(digestOf(content))).toEqual(["99999/100000"]);
  expect((await rest("putChunk", piece(content, 99_999, 1))).json).toMatchObject({ receivedBytes: "100000" });
  expect((await stored(digestOf(content))).equals(content)).toBe(true);
});

test("tiny pieces, a piece behind the end, and a size above the limit are refused by name", async () => {
  const content = randomBytes(100_000);
  const refused = async (request: object): Promise<unknown> => (await rest("putChunk", request)).json;
  const code = commonErrors.WF_INVALID_ARGUMENT.code;
  expect(await refused(piece(content, 0, 10))).toMatchObject({ code, violations: [{ path: "content" }] });
  expect(await refused({ ...piece(content, 0, 100_000), offset: "1" })).toMatchObject({ code });
  expect(await refused({ ...piece(content, 0, 100_000), sizeBytes: String(1025 * MIB) })).toMatchObject({ code });
  expect(await refused({ ...piece(content, 0, 100_000), digest: EMPTY_FILE })).toMatchObject({ code });
  expect(await refused({ ...piece(content, 0, 100_000), digest: "md5:1" })).toMatchObject({ code });
});

test("a layer may be larger than what a person uploads, and goes in parts that a statement can remove", async () => {
  const { database, clock } = app.platform;
  const jobs = { ...app.platform.jobs, register: () => undefined };
  const roomy = createFiles({ database, clock, jobs, audit: app.app.audit, organizationBytes: 40 * 1024 * MIB });
  const sizeBytes = 10 * 1024 * MIB;
  const content = randomBytes(MIB);
  const digest = digestOf(content);
  const put = (offset: number, size: number): Promise<{ receivedBytes: number }> =>
    roomy.store.put(app.organizationId, { digest, sizeBytes: size, offset, content });
  expect((await rest("putChunk", { ...piece(content, 0, MIB), sizeBytes: String(sizeBytes) })).json).toMatchObject({
    code: commonErrors.WF_INVALID_ARGUMENT.code,
  });
  await expect(put(0, 21 * 1024 * MIB)).rejects.toMatchObject({
    violations: [{ message: "a file has at most 21474836480 bytes" }],
  });
  expect(await put(0, sizeBytes)).toMatchObject({ receivedBytes: MIB });
  expect(await put(MIB, sizeBytes)).toMatchObject({ receivedBytes: 2 * MIB });
  // As if all of it had come: the pieces in between cost nothing, and what is removed at a time is a part of it.
  await inTenant(async (tx) => {
    await sql`UPDATE stored_file_pieces SET start_at = ${BigInt(300 * MIB)} + start_at WHERE digest = ${digest} AND start_at >= ${BigInt(MIB)}`.execute(
      tx.queries,
    );
    await sql`UPDATE stored_files SET received_bytes = ${BigInt(302 * MIB)}, whole = true WHERE digest = ${digest}`.execute(
      tx.queries,
    );
  });
  expect(await inTenant((tx) => trimUnheld(tx, app.organizationId, digest))).toBe(false);
  expect(await inTenant((tx) => roomy.store.receivedBytes(tx, digest))).toBe(301 * MIB);
  expect((await inTenant((tx) => roomy.store.sizesOf(tx, [digest]))).size).toBe(0);
  await roomy.store.discard(app.organizationId, [digest]);
  expect(await inTenant((tx) => roomy.store.receivedBytes(tx, digest))).toBe(0);
  const { rows: left } = await inTenant((tx) =>
    sql`SELECT 1 FROM stored_file_pieces WHERE digest = ${digest}`.execute(tx.queries),
  );
  expect(left).toEqual([]);
});

test("the room of an organization is reserved with the first piece; what is stored stays", async () => {
  const { database, clock } = app.platform;
  const jobs = { ...app.platform.jobs, register: () => undefined };
  const small = createFiles({ database, clock, jobs, audit: app.app.audit, organizationBytes: 300_000 });
  const [first, second] = [randomBytes(200_000), randomBytes(200_000)];
  await small.store.write(STRANGER, first);
  await expect(small.store.write(STRANGER, second)).rejects.toMatchObject({ code: filesErrors.WF_FILES_QUOTA });
  const both = inTenant((tx) => small.store.sizesOf(tx, [digestOf(first), digestOf(second)]), STRANGER);
  expect([...(await both).keys()]).toEqual([digestOf(first)]);
});

test("a full disk is a clear error, and the upload goes on where it was when there is room again", async () => {
  const content = randomBytes(2 * MIB);
  const halves = { digest: digestOf(content), sizeBytes: content.length };
  await files.store.put(app.organizationId, { ...halves, offset: 0, content: content.subarray(0, MIB) });
  await asOwner(`CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON stored_file_pieces FOR EACH ROW EXECUTE FUNCTION no_room()`);
  const rest2 = { ...halves, offset: MIB, content: content.subarray(MIB) };
  await expect(files.store.put(app.organizationId, rest2)).rejects.toMatchObject({
    code: filesErrors.WF_FILES_DISK_FULL,
  });
  await asOwner("DROP TRIGGER no_room ON stored_file_pieces; DROP FUNCTION no_room()");
  expect(await check(digestOf(content))).toEqual([`${MIB}/${2 * MIB}`]);
  expect(await files.store.put(app.organizationId, rest2)).toMatchObject({ receivedBytes: 2 * MIB });
});

test("a file of one organization does not exist for another", async () => {
  const content = randomBytes(70_000);
  await files.store.write(app.organizationId, content);
  expect(await inTenant((tx) => files.store.open(tx, digestOf(content)), STRANGER)).toBeUndefined();
  const held = inTenant((tx) => files.store.hold(tx, { id: "revision:x:1" }, [digestOf(content)]), STRANGER);
  await expect(held).rejects.toMatchObject({ code: filesErrors.WF_FILE_NOT_STORED });
});

test("what nobody holds is removed after a day, and unfinished uploads too; what is held stays", async () => {
  const [kept, unheld, unfinished] = [randomBytes(70_000), randomBytes(70_000), randomBytes(200_000)];
  await files.store.write(app.organizationId, kept);
  await files.store.write(app.organizationId, unheld);
  await rest("putChunk", piece(unfinished, 0, 100_000));
  await inTenant((tx) => files.store.hold(tx, { id: "build:1" }, [digestOf(kept), EMPTY_FILE]));
  await sweepAll();
  expect(await check(digestOf(unheld))).toEqual(["70000/70000"]);
  await makeOld();
  await sweepAll();
  expect(await check(digestOf(kept), digestOf(unheld), digestOf(unfinished))).toEqual(["70000/70000", "0/0", "0/0"]);
  await inTenant((tx) => files.store.release(tx, "build:1"));
  await makeOld();
  await sweepAll();
  expect(await check(digestOf(kept))).toEqual(["0/0"]);
});

test("160 MB go in and out in pieces: the memory of the process does not grow with the file", async () => {
  const MIBS = 160;
  const sizeBytes = MIBS * MIB;
  const block = randomBytes(MIB);
  const hash = createHash("sha256");
  const blockAt = (i: number): Buffer => {
    block.writeUInt32BE(i, 0);
    return block;
  };
  for (let i = 0; i < MIBS; i++) hash.update(blockAt(i));
  const digest = `sha256:${hash.digest("hex")}`;
  // What is in use: what waits for the collector, of the tests before too, is none of it.
  const inUse = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = inUse();
  let most = before;
  let passed = 0;
  const look = (bytes: number): void => {
    const looks = Math.floor(passed / LOOK_EACH_BYTES);
    passed += bytes;
    if (Math.floor(passed / LOOK_EACH_BYTES) > looks) most = Math.max(most, inUse());
  };
  for (let i = 0; i < MIBS; i++) {
    await files.store.put(app.organizationId, { digest, sizeBytes, offset: i * MIB, content: blockAt(i) });
    look(MIB);
  }
  const opened = await inTenant((tx) => files.store.open(tx, digest));
  const read = createHash("sha256");
  for await (const bytes of opened?.readFrom(0) ?? []) {
    read.update(bytes);
    look(bytes.length);
  }
  expect(`sha256:${read.digest("hex")}`).toBe(digest);
  expect(most - before).toBeLessThan((MIBS / 4) * MIB);
});
