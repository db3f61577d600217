import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { randomToken, sha256Hex } from "../crypto.ts";
import { isReachable, makeFolder } from "./binaries.ts";
import type { ServerUser } from "./user.ts";

/** Where the embedded server keeps what. */
export interface Layout {
  /** Holds all the others; belongs to the server's user. */
  home: string;
  cluster: string;
  socketFolder: string;
  logFile: string;
  password: string;
}

// sockaddr_un has room for 107 characters; PostgreSQL adds "/.s.PGSQL.5432".
const SOCKET_FOLDER_CHARACTERS = 90;
const PASSWORD_BYTES = 24;
const SHORT_NAME = 12;
const SYSTEM_FOLDER = "/var/lib/windflow";

/**
 * Everything lies in the state directory. Where the server's user cannot pass through to it (a project under /root),
 * the cluster lies under /var/lib/windflow, named after the password in the state directory: a state directory that
 * was deleted and made anew gets a new cluster and not the old one, which it could not open.
 */
export async function layOut(stateDirectory: string, user: ServerUser): Promise<Layout> {
  const state = resolve(stateDirectory);
  const secret = await password(join(state, "postgres-password"));
  const shortName = sha256Hex(secret).slice(0, SHORT_NAME);
  const home = join((await isReachable(state, user)) ? state : await systemFolder(shortName), "postgres");
  await makeFolder(home, 0o700);
  if (user.foreign) await chown(home, user.uid, user.gid);
  return {
    home,
    cluster: join(home, "cluster"),
    socketFolder: await socketFolder(home, user),
    logFile: join(home, "server.log"),
    password: secret,
  };
}

// Each part of the way can be passed through and not listed.
async function systemFolder(name: string): Promise<string> {
  const folder = join(SYSTEM_FOLDER, name);
  for (const part of [SYSTEM_FOLDER, folder]) await makeFolder(part, 0o711);
  return folder;
}

async function socketFolder(home: string, user: ServerUser): Promise<string> {
  const preferred = join(home, "socket");
  const folder = preferred.length <= SOCKET_FOLDER_CHARACTERS ? preferred : shortFolder(home, user);
  await makeFolder(folder, 0o700);
  if (user.foreign) await chown(folder, user.uid, user.gid);
  return folder;
}

// As root not under /tmp, where another user could put a link of that name in our way.
function shortFolder(home: string, user: ServerUser): string {
  const name = `windflow-${sha256Hex(home).slice(0, SHORT_NAME)}`;
  return join(user.foreign ? "/run" : tmpdir(), name);
}

async function password(path: string): Promise<string> {
  await mkdir(resolve(path, ".."), { recursive: true });
  const fresh = randomToken(PASSWORD_BYTES);
  await writeFile(path, `${fresh}\n`, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return (await readFile(path, "utf8")).trim();
}
