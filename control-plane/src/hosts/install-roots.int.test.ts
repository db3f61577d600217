import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { appendFile, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
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
  releaseKey,
  shellTools,
  signRelease,
  type Switch,
  testEnginePrograms,
} from "@windflow/e2e/testbed";
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

const seal = (folder: string): Promise<void> =>
  signRelease(folder, [AGENT, `${AGENT}.gz`, `${AGENT}.zst`, "install.sh", "launch.sh"]);

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
    parts: { installFolders: [release], releaseKeys: [releaseKey] },
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
  readonly type: (line: string) => Promise<{ code: number; output: string }>;
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

const possible = await canMakeMachines();

describe.runIf(possible)("on a bare Debian without an init system", { timeout: PATIENCE_MS }, () => {
  it("goes from one pasted line to green, changes nothing when run again, and leaves nothing", async () => {
    const { root, type } = await bareHost("debian");
    const before = await root.tree();
    const { secret, installCommand } = await lines({ hostLabelKeys: ["rack"] });
    const looked = await type(`${installCommand} --preflight`);
    expect(looked.code, looked.output).toBe(0);
    expect(looked.output).toContain("This host is ready");
    expect(differences(before, await root.tree())).toEqual([]);

    const first = await type(`${installCommand} --labels rack=4,role=edge --name bare-1`);
    expect(first.code, first.output).toBe(0);
    expect(first.output).not.toContain(secret);
    expect(first.output).toContain("the checksums that this script came with, the signature (openssl), TLS");
    const host = await green("bare-1");
    expect(host).toMatchObject({ labels: { rack: "4" }, requestedLabels: { role: "edge" } });

    const programs = ["/opt/windflow-agent/a/windflow-agent", "/opt/windflow-agent/launch"];
    const installed = await root.tree();
    const again = await type(installCommand);
    expect(again.output).toContain("nothing was changed");
    const changed = differences(installed, await root.tree());
    expect(changed.filter((path) => !path.startsWith("/var/lib/windflow-agent/"))).toEqual([]);
    expect([...installed.keys()]).toEqual(expect.arrayContaining(programs));

    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(gone.output).toContain("These workloads go on");
    expect(differences(before, await root.tree())).toEqual([]);
    expect((await type("sh /opt/windflow-agent/nothing.sh")).code).not.toBe(0);
  });

  it("runs as a user of its own, is upgraded in place with its identity kept, and refuses what a stranger signed", async () => {
    const { root, type } = await bareHost("debian");
    const before = await root.tree();
    const { installCommand } = await lines();
    const first = await type(`${installCommand} --user windflow --name bare-2`);
    expect(first.code, first.output).toBe(0);
    const { id } = await green("bare-2");
    const owners = "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */windflow-agent) stat -c %U $p ;; esac; done";
    expect((await type(owners)).output).toBe("windflow\nexit=0\n");

    // A newer one: the same program with one byte more, as an executable may have behind its end.
    await appendFile(join(release, AGENT), "\n");
    await compress(release);
    await seal(release);
    const newer = await type(installCommand);
    expect(newer.code, newer.output).toBe(0);
    expect(newer.output).toContain("is in /opt/windflow-agent/b; the one before stays in /opt/windflow-agent/a");
    expect(newer.output).toContain("its identity is kept");
    expect(await green("bare-2")).toMatchObject({ id });

    const wrongKey = generateKeyPairSync("ed25519")
      .publicKey.export({ format: "der", type: "spki" })
      .toString("base64");
    const strange = installCommand.replace(
      "&& printf",
      `&& sed -i "s|^release_keys=.*|release_keys='${wrongKey}'|" "$d/install.sh" && printf`,
    );
    const refused = await type(`${strange} --state-dir /var/lib/other`);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain("not signed by a key of the release");

    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    // The backups that useradd makes of what it changes, and its lock, are the only trace.
    expect(differences(before, await root.tree()).filter((path) => !/^\/etc\/(\w+-|\.pwd\.lock)$/.test(path))).toEqual(
      [],
    );
  });

  it("lists everything that is wrong at once, names the hop that fails, and writes nothing", async () => {
    const { root, type } = await bareHost("debian");
    const before = await root.tree();
    await copyFile(join(INSTALLER, "install.sh"), join(root.folder, "run/install.sh"));
    const look = (options: string) => type(`sh /run/install.sh --preflight --ca-sha256 ${"ab".repeat(32)} ${options}`);
    await type("mkdir /run/theirs && touch /run/theirs/file");
    const odd = "--prefix /tmp/agent --docker-host /run/none.sock --state-dir /run/theirs";
    const looked = await look(`--server ${app.url} ${odd}`);
    expect(looked.code).toBe(1);
    for (const words of [
      "/tmp does not let programs run (noexec)",
      "MB, and needs 300",
      "shows another certificate authority than the line says",
      "no container engine at /run/none.sock",
      "/run/theirs holds something, and nothing of an agent",
      "This host is not ready: 4 to put right",
    ])
      expect(looked.output).toContain(words);
    expect((await look("--server https://10.201.255.254:1")).output).toContain("TCP: 10.201.255.254:1 does not answer");
    expect((await look("--server https://nowhere.invalid:1")).output).toContain("DNS: nowhere.invalid has no address");
    const proxied = await look(`--server ${app.url} --proxy http://me:word@nowhere.invalid:3128`);
    expect(proxied.output).toContain("DNS: the proxy http://***@nowhere.invalid:3128 has no address");
    for (const folder of ["prefix", "state-dir"]) {
      const removed = await type(`sh /run/install.sh --uninstall --${folder} /run/theirs`);
      expect(removed.output).toContain("/run/theirs holds something, and nothing of an agent: nothing was removed");
    }
    expect((await type("cat /run/theirs/file")).code).toBe(0);
    expect(differences(before, await root.tree())).toEqual([]);
  });
});

describe.runIf(possible)("on a glibc system that has busybox and nothing else", { timeout: PATIENCE_MS }, () => {
  it("goes from the line for wget to green, and leaves nothing", async () => {
    const { root, type } = await bareHost("busybox");
    const before = await root.tree();
    const { secret, installCommandWget } = await lines();
    const first = await type(`${installCommandWget} --name bare-busybox`);
    expect(first.code, first.output).toBe(0);
    expect(first.output).not.toContain(secret);
    expect(first.output).toContain("this wget checks no certificates");
    expect(first.output).toContain("ok    TLS: the certificate is of the authority that the line names");
    expect(first.output).toContain("checked by: the checksums that this script came with, the signature (openssl)\n");
    await green("bare-busybox");
    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(differences(before, await root.tree())).toEqual([]);
  });

  it("is sent to the container where there is musl and no glibc", async () => {
    const { root, type } = await bareHost("busybox");
    await copyFile((await shellTools()).busybox, join(root.folder, "bin/busybox"));
    await rm(join(root.folder, "lib64"), { recursive: true });
    await writeFile(join(root.folder, "lib/ld-musl-x86_64.so.1"), "");
    await copyFile(join(INSTALLER, "install.sh"), join(root.folder, "root/install.sh"));
    const looked = await type(`sh /root/install.sh --preflight --server ${app.url} --ca-sha256 ${"ab".repeat(32)}`);
    expect(looked.code).toBe(1);
    expect(looked.output).toContain("this system uses musl (Alpine), and the agent needs glibc");
    expect(looked.output).toContain("docker run -d --name windflow-agent");
  });
});

describe.runIf(possible)("as a service", { timeout: PATIENCE_MS }, () => {
  it("of systemd: a unit that systemd accepts, hardened; of OpenRC: supervised, to green", async () => {
    const { root, type } = await bareHost("services");
    const before = await root.tree();
    const { installCommand } = await lines();
    const unit = await type(`${installCommand} --init systemd --no-start --name bare-service`);
    expect(unit.code, unit.output).toBe(0);
    const verified = await type("systemd-analyze verify --man=no /etc/systemd/system/windflow-agent.service");
    expect(verified.output).toBe("exit=0\n");
    const scored = await type("systemd-analyze security --offline=true --no-pager windflow-agent.service | tail -n 1");
    expect(Number(/: (\d+\.\d) /.exec(scored.output)?.[1] ?? 10)).toBeLessThan(4);
    expect((await type("sh /etc/windflow/agent/uninstall.sh --keep-state")).code).toBe(0);

    // What `openrc sysinit` makes on a system that boots with it.
    const kept =
      "exclusive started starting stopping stopped inactive wasinactive failed hotplugged daemons options scheduled tmp";
    await type(`cd /run && mkdir openrc && cd openrc && mkdir ${kept} && touch softlevel`);
    const supervised = await type(`${installCommand} --init openrc --name bare-service`);
    expect(supervised.code, supervised.output).toBe(0);
    expect(supervised.output).toContain("its identity is kept");
    await green("bare-service");
    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(differences(before, await root.tree())).toEqual([]);
  });
});
