import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, copyFile, link, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, gzip, zstdCompress } from "node:zlib";
import WebSocket from "ws";
import type { Host } from "@windflow/proto/api";
import {
  type BareRoot,
  type BareSystem,
  bareRoot,
  bootedRoot,
  type BootedRoot,
  builtAgent,
  createMachine,
  createSwitch,
  type Machine,
  releaseKey,
  signRelease,
  testEnginePrograms,
} from "@windflow/e2e/testbed";
import { testHosts } from "../../testing/hosts.ts";
import { startTestApp, type TestApp } from "../../testing/index.ts";

export const INSTALLER: string = join(import.meta.dirname, "../../../../installer");
const AGENT = `windflow-agent-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
/** An agent of 110 MB is fetched, unpacked, hashed and started, on a machine that may have other things to do. */
export const PATIENCE_MS = 120_000;
/** The forms in which the agent is given out, made in a hurry. */
const PACKED: readonly (readonly [ending: string, pack: (bytes: Buffer) => Promise<Buffer>])[] = [
  ["", (bytes) => Promise.resolve(bytes)],
  [".gz", (bytes) => promisify(gzip)(bytes, { level: 1 })],
  [".zst", (bytes) => promisify(zstdCompress)(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })],
];

/** A host that reaches the control plane and nothing else, with an empty system of its own. */
export interface Bare<Root extends BareRoot = BareRoot> {
  readonly root: Root;
  /** What a person types into the host's root shell; its output and its exit code. */
  readonly type: (line: string) => Promise<{ code: number; output: string }>;
}

/** What a new token comes with: lines to be pasted. */
export interface Lines {
  readonly secret: string;
  readonly installCommand: string;
  readonly installCommandWget: string;
}

/** A control plane that has a release to give out, and bare hosts to install it on. */
export interface Installing {
  readonly app: TestApp;
  bareHost(kind: Exclude<BareSystem, "systemd">): Promise<Bare>;
  /** With systemd running. */
  bootedHost(): Promise<Bare<BootedRoot>>;
  lines(token?: Record<string, unknown>): Promise<Lines>;
  /** Waits until the host of that name is online. */
  green(name: string): Promise<Host>;
  /** What a person sees who types the line into the host's shell in the browser, and leaves it. */
  inHostShell(hostId: string, line: string): Promise<string>;
  /** From here on another agent is released: the same program with one byte more, as an executable may have behind its end. */
  releaseNewer(): Promise<void>;
  stop(): Promise<void>;
}

export async function startInstalling(): Promise<Installing> {
  const programs = await testEnginePrograms();
  const [hub, release] = await Promise.all([createSwitch(programs), makeRelease()]);
  const app = await startTestApp({
    address: hub.address,
    parts: { installFolders: [release], releaseKeys: [releaseKey] },
  });
  const hosts = testHosts(app);
  const machines: Machine[] = [];
  const organization = `/v1/organizations/${app.organizationId}`;

  async function newMachine(name: string): Promise<Machine> {
    const machine = await createMachine({ name, engine: programs });
    machines.push(machine);
    const number = 20 + machines.length;
    await hub.plug(machine, number);
    await machine.exec(["ip", "route", "flush", "dev", "eth0"]);
    await machine.exec(["ip", "route", "add", `${hub.address}/32`, "dev", "eth0", "src", hub.addressOf(number)]);
    return machine;
  }
  return {
    app,
    bareHost: async (kind) => {
      const machine = await newMachine(`bare-${kind}`);
      return typing(machine, await bareRoot(machine, kind));
    },
    bootedHost: async () => {
      const machine = await newMachine("bare-systemd");
      return typing(machine, await bootedRoot(machine));
    },
    lines: async (token = {}) => (await app.rest.call("POST", `${organization}/enrollmentTokens`, token)).json as Lines,
    green: async (name) => {
      const { json } = await app.rest.call("GET", `${organization}/hosts?filter=${name}`);
      const host = (json as { hosts: Host[] }).hosts[0];
      if (host === undefined) throw new Error(`no host ${name}`);
      return hosts.until(host.id, ({ presence }) => String(presence) === "PRESENCE_ONLINE", PATIENCE_MS);
    },
    inHostShell: async (hostId, line) => {
      const { json } = await app.rest.call("POST", `${organization}/hosts/${hostId}:shellTicket`, {});
      const address = app.url.replace("https", "wss") + (json as { path: string }).path;
      const socket = new WebSocket(address, { ca: app.ca, origin: app.url });
      let seen = "";
      const prompted = new Promise<void>((resolve, reject) => {
        socket.on("message", (content: Buffer) => {
          seen += content.toString();
          if (seen.endsWith("# ")) resolve();
        });
        socket.once("close", () => reject(new Error(`the shell ended before its prompt: ${seen}`)));
      });
      // Nobody types before there is a prompt, and what would be typed is lost.
      await prompted;
      const closed = once(socket, "close");
      socket.send(Buffer.from(`${line}; exit\n`));
      await closed;
      return seen;
    },
    releaseNewer: async () => {
      for (const [ending, pack] of PACKED) {
        const file = join(release, `${AGENT}${ending}`);
        // The one that is there may be the cache's own. What is compressed may come in parts.
        await copyFile(file, `${file}.new`);
        await appendFile(`${file}.new`, await pack(Buffer.from("\n")));
        await rename(`${file}.new`, file);
      }
      await seal(release);
    },
    stop: async () => {
      for (const machine of machines) await machine.remove();
      await app.stop();
      await hub.remove();
      await rm(release, { recursive: true, force: true });
    },
  };
}

function typing<Root extends BareRoot>(machine: Machine, root: Root): Bare<Root> {
  return {
    root,
    type: async (line) => {
      // By way of a file: a program that the line leaves running must not hold the test.
      const typed = [...root.enter, "/bin/sh", "-c", line];
      const script = 'out=$1; shift; "$@" >"$out" 2>&1 </dev/null; code=$?; cat "$out"; echo "exit=$code"';
      const output = await machine.exec(["/bin/sh", "-c", script, "sh", join(machine.folder, "typed"), ...typed], {
        timeoutMs: PATIENCE_MS,
      });
      const code = Number(/exit=(\d+)\n$/.exec(output)?.[1] ?? -1);
      return { code, output };
    },
  };
}

const seal = (folder: string): Promise<void> =>
  signRelease(folder, [AGENT, `${AGENT}.gz`, `${AGENT}.zst`, "install.sh", "launch.sh"]);

/** What a build leaves, compressed in a hurry, and once for each agent that was built. */
async function makeRelease(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-release-"));
  const agent = await builtAgent();
  for (const [ending, pack] of PACKED) {
    const file = `${agent}${ending}`;
    if (!existsSync(file)) {
      await writeFile(`${file}.${process.pid}`, await pack(await readFile(agent)));
      await rename(`${file}.${process.pid}`, file);
    }
    await place(file, join(folder, `${AGENT}${ending}`));
  }
  for (const name of ["install.sh", "launch.sh"]) await copyFile(join(INSTALLER, name), join(folder, name));
  await seal(folder);
  return folder;
}
/** A link where it can be; the temporary folder may be on another disk. */
const place = (from: string, to: string): Promise<void> => link(from, to).catch(() => copyFile(from, to));

/** Paths that differ between two trees. */
export function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((path) => before.get(path) !== after.get(path)).toSorted();
}
