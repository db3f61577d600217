import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { ProblemError, startErrors } from "../errors.ts";

const run = promisify(execFile);

/** Who the embedded PostgreSQL runs as. */
export interface ServerUser {
  uid: number;
  gid: number;
  /** True if it is another user than ours, so that files must be handed over. */
  foreign: boolean;
}

const USER_NAME = "windflow-postgres";

/**
 * PostgreSQL refuses to run as root. As root we use the system user `windflow-postgres`, and make it if it is missing;
 * as anybody else, the server runs as ourselves.
 */
export async function serverUser(): Promise<ServerUser> {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? uid, foreign: false };
  const existing = await lookUp(USER_NAME);
  if (existing !== undefined) return existing;
  await createUser();
  const created = await lookUp(USER_NAME);
  if (created !== undefined) return created;
  throw new ProblemError({
    code: startErrors.WF_DATABASE_START_FAILED,
    detail: `as root, the embedded PostgreSQL needs the system user ${USER_NAME}, and it could not be made`,
  });
}

async function lookUp(name: string): Promise<ServerUser | undefined> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n");
  const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(":");
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  return fields === undefined || !(uid > 0) || !(gid > 0) ? undefined : { uid, gid, foreign: true };
}

// Debian and Red Hat have useradd, Alpine's busybox adduser.
async function createUser(): Promise<void> {
  const arguments_ = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
  try {
    await run("useradd", [...arguments_, "--shell", "/usr/sbin/nologin", USER_NAME]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return;
    await run("adduser", ["-S", "-D", "-H", "-s", "/sbin/nologin", USER_NAME]).catch(() => undefined);
  }
}
