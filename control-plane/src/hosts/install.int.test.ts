import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseKey, signRelease } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { createTransfers, rangeOf } from "./install-transfer.ts";

const INSTALLER = join(import.meta.dirname, "../../../installer");
const AGENT = "windflow-agent-linux-x64.gz";
const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

let app: TestApp;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-install-"));
  await release();
  app = await startTestApp({ parts: { installFolders: [folder], releaseKeys: [releaseKey] } });
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A signed release; `agent` may be other bytes than those that were signed. */
async function release(agent: Buffer = BYTES): Promise<void> {
  const script = await readFile(join(INSTALLER, "install.sh"));
  await writeFile(join(folder, "install.sh"), script);
  await writeFile(join(folder, AGENT), BYTES);
  await signRelease(folder, ["install.sh", AGENT]);
  await writeFile(join(folder, AGENT), agent);
}
const get = (file: string, headers: Record<string, string> = {}) =>
  app.rest.call("GET", `/install/${file}`, undefined, { authorization: undefined, ...headers });

describe("what a new host fetches", () => {
  it("is offered with the authority to anybody, and nothing else of the folder is", async () => {
    await writeFile(join(folder, "private.txt"), "private");
    expect(await get("ca.pem")).toMatchObject({ status: 200, text: app.ca });
    expect((await get(AGENT)).headers).toMatchObject({ "content-length": "200000", "accept-ranges": "bytes" });
    for (const file of ["private.txt", "..%2Fprivate.txt", "package.json"])
      expect(await get(file)).toMatchObject({ status: 404 });
    expect((await get("windflow-agent-linux-arm64")).text).toContain("Copy the agent");
  });

  it("comes in parts, by ranges of the bytes that its ETag names", async () => {
    const etag = `"${sha256(BYTES)}"`;
    expect((await get(AGENT)).headers["etag"]).toBe(etag);
    expect(await get(AGENT, { "if-none-match": etag })).toMatchObject({ status: 304, text: "" });
    const rest = await get(AGENT, { range: "bytes=199990-", "if-range": etag });
    expect(rest).toMatchObject({ status: 206, text: BYTES.subarray(199_990).toString() });
    expect(rest.headers["content-range"]).toBe("bytes 199990-199999/200000");
    expect(await get(AGENT, { range: "bytes=199990-", "if-range": '"another"' })).toMatchObject({ status: 200 });
    const none = await get(AGENT, { range: "bytes=200000-" });
    expect(none).toMatchObject({ status: 416, headers: { "content-range": "bytes */200000" } });
  });

  it("is withheld when it is not what was signed, and given again when it is", async () => {
    await release(Buffer.concat([BYTES.subarray(1), Buffer.from("!")]));
    expect(await get(AGENT)).toMatchObject({ status: 409 });
    expect((await get(AGENT)).text).toContain("its bytes are not those that SHA256SUMS names");
    await release();
    expect((await get(AGENT)).status).toBe(200);
    // Whoever can write into the folder and has no key writes checksums of his own.
    const altered = `echo owned\n`;
    await writeFile(join(folder, "install.sh"), altered);
    await writeFile(join(folder, "SHA256SUMS"), `${sha256(altered)}  install.sh\n`);
    expect((await get("install.sh")).text).toContain("is not signed by a key that this control plane trusts");
    expect((await get("SHA256SUMS")).status).toBe(409);
    await release();
  });

  it("begins with a script that carries the keys and the checksums, pinned byte for byte by the line for wget", async () => {
    const script = await get("install.sh");
    expect(script.text).toContain(`\nrelease_keys='${releaseKey}'\n`);
    expect(script.text).toContain(`\nrelease_sums='${sha256(await readFile(join(folder, "SHA256SUMS")))}'\n`);
    const { json } = await app.rest.call("POST", `/v1/organizations/${app.organizationId}/enrollmentTokens`, {});
    const { installCommandWget, installCommand } = json as { installCommandWget: string; installCommand: string };
    expect(installCommandWget).toContain(`echo "${sha256(script.text)}  $d/install.sh"`);
    for (const line of [installCommand, installCommandWget]) expect(line.split("\n")).toHaveLength(1);
  });

  it("does nothing when the script was cut short anywhere", async () => {
    const script = await readFile(join(INSTALLER, "install.sh"), "utf8");
    expect(script.trimEnd().split("\n").at(-1)).toBe('main "$@"');
    const cut = join(folder, "cut.sh");
    await writeFile(cut, script.slice(0, script.lastIndexOf("main ")));
    const ran = await new Promise((resolve) => {
      execFile("sh", [cut, "--server", "nonsense"], (error, stdout, stderr) =>
        resolve({ error, output: stdout + stderr }),
      );
    });
    expect(ran).toEqual({ error: null, output: "" });
  });
});

describe("downloads", () => {
  it("read ranges as the RFC has them", () => {
    expect(rangeOf(undefined, 100)).toBe("whole");
    expect(rangeOf("bytes=0-9", 100)).toEqual({ start: 0, end: 9 });
    expect(rangeOf("bytes=90-500", 100)).toEqual({ start: 90, end: 99 });
    expect(rangeOf("bytes=-10", 100)).toEqual({ start: 90, end: 99 });
    expect(rangeOf("bytes=100-", 100)).toBe("unsatisfiable");
    for (const odd of ["bytes=-", "bytes=5-1", "bytes=0-1,5-6", "lines=1-2"]) expect(rangeOf(odd, 100)).toBe("whole");
  });

  it("are at most so many at once, and one that breaks off makes room", async () => {
    const transfers = createTransfers(2);
    const path = join(folder, AGENT);
    const whole = { start: 0, end: BYTES.length - 1 };
    const first = transfers.begin(path, whole);
    const second = transfers.begin(path, { start: 5, end: 9 });
    expect(transfers.begin(path, whole)).toBeUndefined();
    const closed = new Promise((resolve) => first?.once("close", resolve));
    first?.destroy();
    await closed;
    const chunks: Buffer[] = [];
    for await (const chunk of second ?? []) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(BYTES.subarray(5, 10));
    expect(transfers.begin(path, whole)?.destroy()).toBeDefined();
  });

  it("are given up when the reader takes nothing any more, which makes room", async () => {
    const transfers = createTransfers(1, 20);
    const path = join(folder, AGENT);
    const whole = { start: 0, end: BYTES.length - 1 };
    const stalled = transfers.begin(path, whole);
    const closed = new Promise((resolve) => stalled?.once("close", resolve));
    const failed = new Promise<unknown>((resolve) => stalled?.once("error", resolve));
    stalled?.read(0);
    expect(await failed).toMatchObject({ message: "the reader took nothing for too long" });
    await closed;
    expect(transfers.begin(path, whole)?.destroy()).toBeDefined();
  });
});
