import type { ChildProcess } from "node:child_process";
import { chmod, mkdir, readFile } from "node:fs/promises";
import type pg from "pg";
import type { Clock } from "../clock.ts";
import { createClient, type ConnectionSettings } from "../db/connection.ts";
import { ProblemError, startErrors } from "../errors.ts";
import { field, type Log } from "../log.ts";
import { packagedBinaries, reachableBinaries } from "./binaries.ts";
import { DATABASE_NAME, DATABASE_PORT, DATABASE_USER, ensureCluster, spawnServer } from "./cluster.ts";
import { layOut, type Layout } from "./layout.ts";
import { findPostmaster, stopPostmaster } from "./postmaster.ts";
import { watchServer } from "./watcher.ts";
import { serverUser, type ServerUser } from "./user.ts";

/** A PostgreSQL server of our own: unix socket only, as an unprivileged user, restarted when it dies. */
export interface EmbeddedPostgres {
  readonly connection: ConnectionSettings;
  /** Where its files are. */
  readonly folder: string;
  /** The pid of the running server; changes with a restart. */
  pid(): number;
  stop(): Promise<void>;
}

interface Parts {
  stateDirectory: string;
  /** Where `bin/postgres` is, unless it is the npm package's. */
  binaries?: string;
  clock: Clock;
  log: Log;
}

// Recovery after a crash replays up to 1 GB of log before the server answers: seconds, and minutes from a memory card. One that cannot
// begin ends by itself, and is not waited for.
const START_PATIENCE_MS = 10 * 60_000;
const POLL_MS = 25;
// The sessions of a killed control plane end when the server notices; until then the database is in use.
const IN_USE_PATIENCE_MS = 5_000;
const IN_USE_POLL_MS = 200;
const RESTART_PAUSE_MS = 1_000;
const LOG_TAIL_CHARACTERS = 2_000;
// Held by the control plane for as long as it uses its embedded server; "owner" in ASCII, cut to 31 bits.
const OWNER_LOCK = 0x6f776e65;

export async function startEmbeddedPostgres(parts: Parts): Promise<EmbeddedPostgres> {
  const { clock, log } = parts;
  const made = await mkdir(parts.stateDirectory, { recursive: true });
  // Whatever the umask: the server's user has to pass through.
  if (made !== undefined) await chmod(parts.stateDirectory, 0o711);
  const user = await serverUser();
  const layout = await layOut(parts.stateDirectory, user);
  const native = await reachableBinaries(parts.binaries ?? packagedBinaries(), layout.home, user);
  const connection: ConnectionSettings = {
    host: layout.socketFolder,
    port: DATABASE_PORT,
    user: DATABASE_USER,
    password: layout.password,
    database: DATABASE_NAME,
  };
  await endLeftover(layout, connection, parts);
  await ensureCluster(native, layout, user);

  let stopping = false;
  let child = await startOnce(native, layout, user, connection, parts);
  let owner = await takeOwnership(connection, parts);
  watch(child);

  function watch(current: ChildProcess): void {
    const ended = (): void => {
      if (stopping) return;
      const reason = String(current.exitCode ?? current.signalCode);
      log.error(
        { [field.area]: "postgres", [field.reason]: reason },
        "The embedded PostgreSQL ended; it is started again.",
      );
      revive().catch((error: unknown) =>
        log.error({ err: error, [field.area]: "postgres" }, "The watch over PostgreSQL failed."),
      );
    };
    if (hasEnded(current)) ended();
    else current.once("exit", ended);
  }

  async function revive(): Promise<void> {
    while (!stopping) {
      await clock.sleep(RESTART_PAUSE_MS);
      if (stopping) return;
      try {
        if (hasEnded(child)) child = await startOnce(native, layout, user, connection, parts);
        owner = await takeOwnership(connection, parts);
        watch(child);
        log.info({ [field.area]: "postgres", [field.pid]: child.pid }, "The embedded PostgreSQL answers again.");
        return;
      } catch (error) {
        log.error(
          { err: error, [field.area]: "postgres" },
          "The embedded PostgreSQL did not start; it is tried again.",
        );
      }
    }
  }

  return {
    connection,
    folder: layout.cluster,
    pid: () => child.pid ?? 0,
    stop: async () => {
      stopping = true;
      await owner.end().catch(() => undefined);
      if (child.pid !== undefined) await stopPostmaster(child.pid, layout.cluster, clock);
    },
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Stops the server that a killed control plane left behind; refuses when a living one still uses it. */
async function endLeftover(layout: Layout, connection: ConnectionSettings, parts: Parts): Promise<void> {
  const leftover = await findPostmaster(layout.cluster);
  if (leftover === undefined) return;
  const owner = await takeOwnership({ ...connection, host: leftover.socketFolder, port: leftover.port }, parts).catch(
    (error: unknown) => {
      // A server that does not answer belongs to nobody; one that is in use stays.
      if (error instanceof ProblemError) throw error;
      return undefined;
    },
  );
  parts.log.info(
    { [field.area]: "postgres", [field.pid]: leftover.pid },
    "A PostgreSQL server of an earlier run is still there; it is stopped.",
  );
  const stopped = stopPostmaster(leftover.pid, layout.cluster, parts.clock);
  await owner?.end().catch(() => undefined);
  await stopped;
}

async function startOnce(
  native: string,
  layout: Layout,
  user: ServerUser,
  connection: ConnectionSettings,
  parts: Parts,
): Promise<ChildProcess> {
  const child = await spawnServer(native, layout, user);
  const ended = new AbortController();
  const watcher = child.pid === undefined ? undefined : watchServer(child.pid);
  child.once("exit", () => {
    watcher?.dismiss();
    ended.abort();
  });
  child.once("error", (error) => ended.abort(error));
  const untilMs = parts.clock.monotonicMs() + START_PATIENCE_MS;
  while (!ended.signal.aborted && parts.clock.monotonicMs() < untilMs) {
    if (await answers(connection)) return child;
    await parts.clock.sleep(POLL_MS);
  }
  child.kill("SIGINT");
  const tail = (await readFile(layout.logFile, "utf8").catch(() => "")).slice(-LOG_TAIL_CHARACTERS).trim();
  throw new ProblemError({
    code: startErrors.WF_DATABASE_START_FAILED,
    detail: `PostgreSQL ${ended.signal.aborted ? "ended at once" : "does not answer"}; ${layout.logFile} ends with: ${tail}`,
  });
}

async function answers(connection: ConnectionSettings): Promise<boolean> {
  const client = createClient(connection, "start");
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

async function takeOwnership(connection: ConnectionSettings, parts: Parts): Promise<pg.Client> {
  const client = createClient(connection, "owner");
  client.on("error", () => undefined);
  await client.connect();
  const untilMs = parts.clock.monotonicMs() + IN_USE_PATIENCE_MS;
  for (;;) {
    const answer = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [OWNER_LOCK]);
    if (answer.rows[0]?.taken === true) return client;
    if (parts.clock.monotonicMs() >= untilMs) break;
    await parts.clock.sleep(IN_USE_POLL_MS);
  }
  await client.end();
  throw new ProblemError({
    code: startErrors.WF_STATE_IN_USE,
    detail: `${parts.stateDirectory} is used by a control plane that is running`,
  });
}
