import { spawn, type ChildProcess } from "node:child_process";
import { chown, open, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProblemError, startErrors } from "../errors.ts";
import type { Layout } from "./layout.ts";
import type { ServerUser } from "./user.ts";

export const DATABASE_USER = "windflow";
export const DATABASE_NAME = "postgres";
export const DATABASE_PORT = 5432;

// The log is for reading after a failure; old lines are dropped at a start beyond this size.
const LOG_FILE_BYTES = 8 * 1024 * 1024;
const MAX_CONNECTIONS = 60;

const environment = { LC_ALL: "C.UTF-8", PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TZ: "UTC" };

/** Makes the cluster if there is none. A start that died half-way leaves a `.new` folder, which is begun again. */
export async function ensureCluster(native: string, layout: Layout, user: ServerUser): Promise<void> {
  if (await exists(join(layout.cluster, "PG_VERSION"))) return;
  const draft = `${layout.cluster}.new`;
  const passwordFile = join(layout.home, "initial-password");
  await rm(draft, { recursive: true, force: true });
  await writeFile(passwordFile, layout.password, { mode: 0o600 });
  if (user.foreign) await chown(passwordFile, user.uid, user.gid);
  try {
    await initialise(native, draft, passwordFile, user);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, layout.cluster);
}

async function initialise(native: string, folder: string, passwordFile: string, user: ServerUser): Promise<void> {
  const settings = [
    "--encoding=UTF8",
    // Built-in collation: sorting does not change with the C library of the machine.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
  ];
  const program = join(native, "bin", "initdb");
  const child = spawn(program, ["-D", folder, "-U", DATABASE_USER, `--pwfile=${passwordFile}`, ...settings], {
    ...identity(user),
    cwd: "/",
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const complaint: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => complaint.push(text));
  const ended = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(String(code ?? signal)));
  });
  if (ended === "0") return;
  throw new ProblemError({
    code: startErrors.WF_DATABASE_START_FAILED,
    detail: `initdb ended with ${ended}: ${complaint.join("").trim()}`,
  });
}

/** Starts the server. It has a session of its own: a Ctrl-C in the terminal reaches us first, and we stop it in order. */
export async function spawnServer(native: string, layout: Layout, user: ServerUser): Promise<ChildProcess> {
  const logSize = await stat(layout.logFile).then(
    (entry) => entry.size,
    () => 0,
  );
  if (logSize > LOG_FILE_BYTES) await truncate(layout.logFile, 0);
  const logFile = await open(layout.logFile, "a", 0o600);
  const settings = {
    listen_addresses: "",
    port: String(DATABASE_PORT),
    unix_socket_directories: layout.socketFolder,
    unix_socket_permissions: "0700",
    max_connections: String(MAX_CONNECTIONS),
    shared_buffers: "64MB",
    // Thousands of hosts write a megabyte a second. After a checkpoint each page goes into the log whole once more, and who commits meanwhile
    // waits for up to a second: few of them, for at most a gigabyte of log, which is replayed in seconds.
    max_wal_size: "1GB",
    checkpoint_timeout: "15min",
    wal_compression: "on",
    // A new file of the log is written full of zeros and synchronized while a commit waits for it, 50 ms and more on a disk that is not busy.
    wal_init_zero: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_min_messages: "warning",
    log_statement: "none",
    // Statements may carry personal data in their parameters; the log says what failed, not with which values.
    log_parameter_max_length_on_error: "0",
    log_min_error_statement: "panic",
  };
  try {
    return spawn(
      join(native, "bin", "postgres"),
      ["-D", layout.cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      { ...identity(user), cwd: "/", env: environment, detached: true, stdio: ["ignore", logFile.fd, logFile.fd] },
    );
  } finally {
    await logFile.close();
  }
}

const identity = (user: ServerUser): { uid?: number; gid?: number } =>
  user.foreign ? { uid: user.uid, gid: user.gid } : {};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
