import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type Machine, SECOND_ADDRESS } from "./machine.ts";
import { freePort } from "./postgres.ts";
import type { RegistryAuthority } from "./registry-authority.ts";
import { newRunFolder, removeRunFolder } from "./run-folder.ts";
import { serverTree } from "./server-tree.ts";

const PORT = 5000;
const READY_TRIES = 200;
const READY_POLL_MS = 50;
const LOOPBACK = "127.0.0.1";

/** A container registry inside a test's machine. Engines trust one on loopback without TLS, and check the certificate of any other. */
export interface TestRegistry {
  /** `address:port`, as image references begin. */
  readonly address: string;
  /** What it wants when it was started with `credentials`. */
  readonly username: string;
  readonly password: string;
}

export interface RegistryOptions {
  /** It wants the username and password (htpasswd). */
  readonly credentials?: boolean;
  /** TLS with a certificate of this authority. */
  readonly authority?: RegistryAuthority;
  /** Where it listens: loopback, or with TLS the machine's second address, unless told. */
  readonly address?: string;
  readonly port?: number;
}

const USERNAME = "windflow";
const PASSWORD = "correct horse";
// bcrypt of PASSWORD at the lowest cost: the registry knows no other form.
const PASSWORD_HASH = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

/** Starts Debian's registry (distribution 2.8), unpacked into the cache; it ends with the machine. */
export async function startRegistry(machine: Machine, options: RegistryOptions = {}): Promise<TestRegistry> {
  const { folder } = await serverTree("registry", (apt) => apt.downloadMissing(["docker-registry"]));
  const { authority, port = PORT, address = authority === undefined ? LOOPBACK : SECOND_ADDRESS } = options;
  const place = join(machine.folder, `registry-${port}`);
  const config = await writeConfig(place, { ...options, address, port });
  const logFile = join(place, "log");
  await machine.start([join(folder, "usr/bin/docker-registry"), "serve", config], { logFile });
  // /dev/tcp is of bash: no other program is needed to see whether it listens.
  await machine.exec([
    "bash",
    "-c",
    `for i in $(seq ${READY_TRIES}); do (: < /dev/tcp/${address}/${port}) 2>/dev/null && exit 0; sleep 0.05; done; cat ${logFile}; exit 1`,
  ]);
  return { address: `${address}:${port}`, username: USERNAME, password: PASSWORD };
}

/** The same on loopback of this process's own network, where no host of a test's fleet has a way to. */
export async function startLocalRegistry(
  options: Pick<RegistryOptions, "credentials" | "authority"> = {},
): Promise<TestRegistry & { stop(): Promise<void> }> {
  const { folder } = await serverTree("registry", (apt) => apt.downloadMissing(["docker-registry"]));
  const own = await newRunFolder("registry");
  const port = await freePort();
  const config = await writeConfig(own, { ...options, address: LOOPBACK, port });
  // It ends with the process that made it, whatever happens to that one.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", join(folder, "usr/bin/docker-registry"), "serve", config], {
    stdio: "ignore",
  });
  for (let left = READY_TRIES; !(await answers(port)); left--) {
    if (left === 0) throw new Error("the registry does not listen");
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return {
    address: `${LOOPBACK}:${port}`,
    username: USERNAME,
    password: PASSWORD,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await removeRunFolder(own);
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    socket.on("connect", () => (socket.destroy(), resolve(true)));
    socket.on("error", () => resolve(false));
  });
}

async function writeConfig(
  place: string,
  { credentials, authority, address, port }: RegistryOptions & { readonly address: string; readonly port: number },
): Promise<string> {
  await mkdir(place, { recursive: true });
  const htpasswd = join(place, "htpasswd");
  await writeFile(htpasswd, `${USERNAME}:${PASSWORD_HASH}\n`);
  const auth = credentials === true ? `auth: {htpasswd: {realm: test, path: ${htpasswd}}}\n` : "";
  const tls = authority === undefined ? "" : `, tls: ${await tlsFiles(authority, address, place)}`;
  const config = join(place, "config.yml");
  await writeFile(
    config,
    `version: 0.1
storage: {filesystem: {rootdirectory: ${join(place, "blobs")}}, delete: {enabled: true}}
http: {addr: "${address}:${port}"${tls}}
${auth}`,
  );
  return config;
}

async function tlsFiles(authority: RegistryAuthority, address: string, place: string): Promise<string> {
  const { cert, key } = await authority.serverAt(address);
  const [certificate, privateKey] = [join(place, "server.pem"), join(place, "server.key")];
  await writeFile(certificate, cert);
  await writeFile(privateKey, key, { mode: 0o600 });
  return `{certificate: ${certificate}, key: ${privateKey}}`;
}
