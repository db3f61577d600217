import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestClient, type TestClient } from "./testing/rest.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-main-"));
  await chmod(folder, 0o711);
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  child: ChildProcess;
  output: () => string;
  ended: Promise<unknown[]>;
}

function start(...flags: string[]): Run {
  const own = [
    "--state",
    join(folder, "state"),
    "--address",
    "127.0.0.1",
    "--local-token-file",
    join(folder, "token.json"),
  ];
  const child = spawn(
    process.execPath,
    ["--conditions=@windflow/source", join(import.meta.dirname, "main.ts"), ...own, ...flags],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
    },
  );
  children.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { child, output: () => text, ended: once(child, "exit") };
}

async function ready(run: Run): Promise<TestClient> {
  await expect.poll(run.output, { timeout: 75_000, interval: 50 }).toContain("The control plane is ready.");
  const line =
    run
      .output()
      .split("\n")
      .find((one) => one.includes("is ready.")) ?? "{}";
  const { port } = JSON.parse(line) as { port: number };
  const { token, roots } = JSON.parse(await readFile(join(folder, "token.json"), "utf8")) as {
    token: string;
    roots: string;
  };
  return createTestClient({ port, ca: roots, headers: { authorization: `Bearer ${token}` } });
}

test("the first start prints the one-time password once; what was written survives a SIGKILL; a signal stops it in order", async () => {
  const first = start("--port", "0");
  const rest = await ready(first);
  const password = /Password: (\S+)/.exec(first.output())?.[1] ?? "";
  expect(password).toHaveLength(20);
  expect((await stat(join(folder, "token.json"))).mode & 0o777).toBe(0o600);
  expect((await rest.call("GET", "/readyz")).status).toBe(200);
  const made = await rest.call("POST", "/v1/organizations/default/apiTokens", {
    name: "kept",
    permissions: ["hosts.read"],
  });
  const { secret } = made.json as { secret: string };
  first.child.kill("SIGKILL");
  await first.ended;

  const second = start("--port", "0");
  const again = await ready(second);
  expect(second.output()).not.toContain("Password:");
  expect((await again.call("GET", "/v1/auth/me", undefined, { authorization: `Bearer ${secret}` })).status).toBe(200);
  // The token file of the start before is worthless now.
  const signIn = await again.call("POST", "/v1/auth:signIn", { email: "admin@windflow.local", password });
  expect(signIn.json).toMatchObject({ me: { mustChangePassword: true } });

  const third = start("--port", "0");
  expect(await third.ended).toEqual([1, null]);
  expect(third.output()).toContain("Another control plane uses this state directory");

  second.child.kill("SIGTERM");
  expect(await second.ended).toEqual([0, null]);
  expect(second.output()).not.toMatch(/"level":"(warn|error)"/);

  const unread = start("--port", "0");
  await ready(unread);
  // Whoever took its log is gone.
  unread.child.stdout?.destroy();
  unread.child.stderr?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  unread.child.kill("SIGTERM");
  expect(await unread.ended).toEqual([0, null]);
}, 240_000);

test("a signal during the start leaves nothing running", async () => {
  const state = join(folder, "interrupted");
  const run = start("--port", "0", "--state", state);
  const serverFile = join(state, "postgres", "cluster", "postmaster.pid");
  await expect.poll(() => readFile(serverFile, "utf8").catch(() => ""), { timeout: 75_000, interval: 5 }).not.toBe("");
  run.child.kill("SIGTERM");
  await run.ended;
  await expect(stat(serverFile)).rejects.toThrow(/ENOENT/);
}, 180_000);

test("what cannot start says why and what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const run = start("--port", String(port));
  expect(await run.ended).toEqual([1, null]);
  expect(run.output()).toContain(`EADDRINUSE: port ${port} is taken by another program`);
  taken.close();

  const wrong = start("--prot", "1");
  expect(await wrong.ended).toEqual([1, null]);
  expect(wrong.output()).toContain("there is no setting --prot");

  const old = start("--database-url", "postgresql://nobody@127.0.0.1:9/none");
  expect(await old.ended).toEqual([1, null]);
  expect(old.output()).toMatch(/There is no database to work with: .*ECONNREFUSED/);
}, 180_000);
