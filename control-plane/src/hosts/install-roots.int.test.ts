import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Host } from "@windflow/proto/api";
import {
  bareRoot,
  type BareRoot,
  type BareSystem,
  builtAgent,
  canMakeMachines,
  createMachine,
  createSwitch,
  type Machine,
  type Switch,
  testEnginePrograms,
} from "@windflow/e2e/testbed";
import { developmentKey, publicHalf, signChecksums } from "@windflow/installer/build";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";

const INSTALLER = join(import.meta.dirname, "../../../installer");
const AGENT = `windflow-agent-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
// An agent of 110 MB is fetched, unpacked, hashed and started, on a machine that may have other things to do.
const PATIENCE_MS = 120_000;
const run = promisify(execFile);

let app: TestApp;
let hosts: TestHosts;
let release: string;
let hub: Switch;
const machines: Machine[] = [];

async function seal(folder: string): Promise<void> {
  const names = [AGENT, `${AGENT}.gz`, `${AGENT}.zst`, "install.sh", "launch.sh"];
  const lines = await Promise.all(
    names.map(
      async (name) =>
        `${createHash("sha256")
          .update(await readFile(join(folder, name)))
          .digest("hex")}  ${name}\n`,
    ),
  );
  await writeFile(join(folder, "SHA256SUMS"), lines.join(""));
  await writeFile(join(folder, "SHA256SUMS.sig"), signChecksums(Buffer.from(lines.join("")), developmentKey()));
}

/** What a build leaves, compressed in a hurry. */
async function makeRelease(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-release-"));
  await copyFile(await builtAgent(), join(folder, AGENT));
  await compress(folder);
  for (const name of ["install.sh", "launch.sh"]) await copyFile(join(INSTALLER, name), join(folder, name));
  await seal(folder);
  return folder;
}
async function compress(folder: string): Promise<void> {
  await run("gzip", ["-1kf", join(folder, AGENT)]);
  await run("zstd", ["-1qkf", join(folder, AGENT)]);
}

beforeAll(async () => {
  const programs = await testEnginePrograms();
  hub = await createSwitch(programs);
  release = await makeRelease();
  app = await startTestApp({
    address: hub.address,
    parts: { installFolders: [release], releaseKeys: [publicHalf(developmentKey())] },
  });
  hosts = testHosts(app);
}, PATIENCE_MS);
afterAll(async () => {
  for (const machine of machines) await machine.remove();
  await app.stop();
  await hub.remove();
  await rm(release, { recursive: true, force: true });
});

interface Bare {
  readonly root: BareRoot;
  /** What a person types into the host's root shell; its output and its exit code. */
  type(line: string): Promise<{ code: number; output: string }>;
}

/** A host that reaches the control plane and nothing else. */
async function bareHost(kind: BareSystem): Promise<Bare> {
  const machine = await createMachine({ name: `bare-${kind}`, engine: await testEnginePrograms() });
  machines.push(machine);
  const number = 20 + machines.length;
  await hub.plug(machine, number);
  await machine.exec(["ip", "route", "flush", "dev", "eth0"]);
  await machine.exec(["ip", "route", "add", `${hub.address}/32`, "dev", "eth0", "src", hub.addressOf(number)]);
  const root = await bareRoot(machine, kind);
  return {
    root,
    type: async (line) => {
      const command = [...root.enter, "/bin/sh", "-c", `${line}\necho "exit=$?"`];
      const output = await machine.exec(["/bin/sh", "-c", 'exec "$@" 2>&1 </dev/null', "sh", ...command], {
        timeoutMs: PATIENCE_MS,
      });
      const code = Number(/exit=(\d+)\n$/.exec(output)?.[1] ?? -1);
      return { code, output };
    },
  };
}

interface Lines {
  secret: string;
  installCommand: string;
  installCommandWget: string;
}
async function lines(token: Record<string, unknown> = {}): Promise<Lines> {
  const { json } = await app.rest.call("POST", `/v1/organizations/${app.organizationId}/enrollmentTokens`, token);
  return json as Lines;
}
async function hostNamed(name: string): Promise<Host | undefined> {
  const { json } = await app.rest.call("GET", `/v1/organizations/${app.organizationId}/hosts?filter=${name}`);
  return (json as { hosts: Host[] }).hosts[0];
}
async function green(name: string): Promise<Host> {
  const host = await hostNamed(name);
  if (host === undefined) throw new Error(`no host ${name}`);
  return hosts.until(host.id, ({ presence }) => String(presence) === "PRESENCE_ONLINE", PATIENCE_MS);
}
function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((path) => before.get(path) !== after.get(path)).toSorted();
}

describe.runIf(await canMakeMachines())("on a bare Debian without an init system", () => {
  it(
    "goes from one pasted line to green, changes nothing when run again, upgrades in place, and leaves nothing",
    { timeout: PATIENCE_MS },
    async () => {
      const { root, type } = await bareHost("debian");
      const before = await root.tree();
      const { secret, installCommand } = await lines({ hostLabelKeys: ["rack"] });
      const looked = await type(`${installCommand} --preflight`);
      expect(looked.code, looked.output).toBe(0);
      expect(looked.output).toContain("This host is ready");
      expect(differences(before, await root.tree())).toEqual([]);

      const first = await type(`${installCommand} --labels rack=4,role=edge --name bare-1`);
      console.log(first.output);
      expect(first.code, first.output).toBe(0);
      expect(first.output).not.toContain(secret);
      const host = await green("bare-1");
      expect(host).toMatchObject({ labels: { rack: "4" }, requestedLabels: { role: "edge" } });

      const installed = await root.tree();
      const again = await type(installCommand);
      expect(again.output).toContain("nothing was changed");
      console.log(again.output, differences(installed, await root.tree()));

      const gone = await type("sh /etc/windflow/agent/uninstall.sh");
      console.log(gone.output);
      expect(differences(before, await root.tree())).toEqual([]);
    },
  );
});
