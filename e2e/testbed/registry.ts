import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { serverTree } from "./server-tree.ts";

const PORT = 5000;
const READY_TRIES = 100;

/** A container registry inside a test's machine, at an address that the engine there trusts without TLS. */
export interface TestRegistry {
  readonly address: string;
  /** What it wants when it was started with `credentials`. */
  readonly username: string;
  readonly password: string;
}

const USERNAME = "windflow";
const PASSWORD = "correct horse";
// bcrypt of PASSWORD at the lowest cost: the registry knows no other form.
const PASSWORD_HASH = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

/** Starts Debian's registry (distribution 2.8), unpacked into the cache; it ends with the machine. */
export async function startRegistry(
  machine: Machine,
  options: { readonly credentials?: boolean } = {},
): Promise<TestRegistry> {
  const { folder } = await serverTree("registry", (apt) => apt.downloadMissing(["docker-registry"]));
  const place = join(machine.folder, "registry");
  await mkdir(place, { recursive: true });
  const htpasswd = join(place, "htpasswd");
  await writeFile(htpasswd, `${USERNAME}:${PASSWORD_HASH}\n`);
  const auth = options.credentials === true ? `auth: {htpasswd: {realm: test, path: ${htpasswd}}}\n` : "";
  const config = join(place, "config.yml");
  await writeFile(
    config,
    `version: 0.1
storage: {filesystem: {rootdirectory: ${join(place, "blobs")}}, delete: {enabled: true}}
http: {addr: "127.0.0.1:${PORT}"}
${auth}`,
  );
  const logFile = join(place, "log");
  await machine.start([join(folder, "usr/bin/docker-registry"), "serve", config], { logFile });
  // /dev/tcp is of bash: no other program is needed to see whether it listens.
  await machine.exec([
    "bash",
    "-c",
    `for i in $(seq ${READY_TRIES}); do (: < /dev/tcp/127.0.0.1/${PORT}) 2>/dev/null && exit 0; sleep 0.05; done; cat ${logFile}; exit 1`,
  ]);
  return { address: `127.0.0.1:${PORT}`, username: USERNAME, password: PASSWORD };
}
