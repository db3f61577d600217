import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type ConnectionSettings } from "../db/connection.ts";
import { createLog, startEmbeddedPostgres, systemClock, type EmbeddedPostgres } from "../index.ts";

const log = createLog({ level: "silent" });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-embedded-"));
  await chmod(folder, 0o711);
});
afterAll(async () => {
  // A test that failed half-way leaves its server running.
  for (const server of started) await server.stop().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const started: EmbeddedPostgres[] = [];
async function start(name: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ stateDirectory: join(folder, name), clock: systemClock, log });
  started.push(server);
  return server;
}

async function query(connection: ConnectionSettings, text: string): Promise<Record<string, unknown>[]> {
  const client = createClient(connection, "test");
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A process that starts the server, writes a row, says so, and stays. */
async function otherProcess(name: string): Promise<{ child: ChildProcess; server: number }> {
  const script = `
    const { createLog, startEmbeddedPostgres, systemClock } = await import(${JSON.stringify(join(import.meta.dirname, "../index.ts"))});
    const { createClient } = await import(${JSON.stringify(join(import.meta.dirname, "../db/connection.ts"))});
    const server = await startEmbeddedPostgres({ stateDirectory: ${JSON.stringify(join(folder, name))}, clock: systemClock, log: createLog({ level: "silent" }) });
    const client = createClient(server.connection, "test");
    await client.connect();
    await client.query("CREATE TABLE kept (n int)");
    await client.query("INSERT INTO kept VALUES (42)");
    console.log(server.pid());
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, server: Number(line.toString()) };
}

/** The pid of the shell that waits for the end of the server's control plane. */
async function watcherOf(server: number): Promise<number> {
  for (const entry of await readdir("/proc")) {
    const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    if (command.includes("kill -INT") && command.endsWith(`\0${server}\0`)) return Number(entry);
  }
  throw new Error(`nothing watches ${server}`);
}

// An ended process whose parent has not asked for its exit code is still listed, as a zombie.
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("the embedded server", () => {
  test("ends by itself when its control plane is killed", async () => {
    const { child, server } = await otherProcess("watched");
    child.kill("SIGKILL");
    await expect.poll(() => isAlive(server), { interval: 20 }).toBe(false);
  });

  test("that outlived its control plane is stopped by the next one, which finds all that was acknowledged", async () => {
    const { child, server: orphan } = await otherProcess("killed");
    process.kill(await watcherOf(orphan), "SIGKILL");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isAlive(orphan)).toBe(true);

    const server = await start("killed");
    expect(isAlive(orphan)).toBe(false);
    expect(await query(server.connection, "SELECT n FROM kept")).toEqual([{ n: 42 }]);
    const pid = server.pid();
    await server.stop();
    expect(isAlive(pid)).toBe(false);
  });

  test.runIf(process.getuid?.() === 0)(
    "lies under /var/lib when its user cannot pass through to the state",
    async () => {
      await mkdir(join(folder, "closed-state"), { mode: 0o700 });
      const server = await start(join("closed-state", "state"));
      expect(String(server.connection.host)).toMatch(/^\/var\/lib\/windflow\/[0-9a-f]{12}\/postgres\/socket$/);
      expect(await query(server.connection, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      await server.stop();
      await rm(dirname(dirname(String(server.connection.host))), { recursive: true });
    },
  );

  test("refuses a second control plane on the same state, and leaves the first one alone", async () => {
    const first = await start("twice");
    await expect(start("twice")).rejects.toThrow(/WF_STATE_IN_USE/);
    expect(await query(first.connection, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await first.stop();
  });

  test("is started again when it dies", async () => {
    const server = await start("dies");
    const before = server.pid();
    process.kill(before, "SIGKILL");
    // A connection that the old server had begun to serve may still get its answer.
    await expect.poll(() => server.pid(), { interval: 100 }).not.toBe(before);
    await expect
      .poll(() => query(server.connection, "SELECT 1 AS one").catch(() => []), { interval: 100 })
      .toEqual([{ one: 1 }]);
    await server.stop();
  });

  test("begins again when its first start was cut off", async () => {
    const half = join(folder, "half", "postgres", "cluster.new");
    await mkdir(half, { recursive: true });
    await chmod(join(folder, "half"), 0o711);
    const server = await start("half");
    expect(await query(server.connection, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await server.stop();
  });

  test("listens on no network, and its socket and files are closed to others", async () => {
    const server = await start("closed");
    expect(await query(server.connection, "SHOW listen_addresses")).toEqual([{ listen_addresses: "" }]);
    expect(await query(server.connection, "SHOW fsync")).toEqual([{ fsync: "on" }]);
    const socket = await stat(join(String(server.connection.host), ".s.PGSQL.5432"));
    expect(socket.mode & 0o077).toBe(0);
    expect((await stat(join(folder, "closed", "postgres-password"))).mode & 0o777).toBe(0o600);
    const { password: _, ...withoutPassword } = server.connection;
    await expect(query({ ...withoutPassword, password: "wrong" }, "SELECT 1")).rejects.toThrow(
      /password authentication failed/,
    );
    await server.stop();
  });
});
