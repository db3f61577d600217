import { generateKeyPairSync } from "node:crypto";
import { chmod, chown, copyFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { type BareRoot, canMakeMachines, shellTools } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differences, INSTALLER, type Installing, PATIENCE_MS, startInstalling } from "./testing/installing.ts";

// They mostly wait, for disks, seconds and each other.
const TOGETHER_MS = 2 * PATIENCE_MS;

let bench: Installing;
beforeAll(async () => {
  bench = await startInstalling();
}, PATIENCE_MS);
afterAll(() => bench.stop());

/** For each program of the agent the memory that its control group allows it, of version 1 or 2. */
const LIMIT = `for p in /proc/[0-9]*; do case $(readlink $p/exe) in */windflow-agent)
  for g in $(sed -n 's/^[0-9]*:memory:.*\\/\\(.*\\)$/memory\\/\\1/p; s/^0::.*\\/\\(.*\\)$/\\1/p' $p/cgroup); do
    cat /sys/fs/cgroup/$g/memory.limit_in_bytes /sys/fs/cgroup/$g/memory.max 2>/dev/null
  done ;;
esac; done; true`;
const LIMITED = `${256 * 1024 * 1024}\nexit=0\n`;

/** What useradd and gpasswd leave of what they change, and their lock: the only trace. */
const BACKUPS = /^\/etc\/(\w+-|\.pwd\.lock)$/;

/** An engine as far as an installer looks: a socket of the group docker that answers. */
async function socketIn({ folder }: BareRoot, path: string): Promise<Server> {
  const server = createServer((_request, reply) => reply.end("OK"));
  await new Promise<void>((resolve) => server.listen(join(folder, path), resolve));
  await chown(join(folder, path), 0, 113);
  await chmod(join(folder, path), 0o660);
  return server;
}

const possible = await canMakeMachines();

describe.runIf(possible)("on a bare Debian without an init system", { timeout: TOGETHER_MS, concurrent: true }, () => {
  it("goes from one pasted line to green, changes nothing when run again, refuses what a stranger signed, and leaves nothing", async () => {
    const { root, type } = await bench.bareHost("debian");
    const before = await root.tree();
    const { secret, installCommand } = await bench.lines({ hostLabelKeys: ["rack"] });
    const looked = await type(`${installCommand} --preflight`);
    expect(looked.code, looked.output).toBe(0);
    expect(looked.output).toContain("This host is ready");
    expect(differences(before, await root.tree())).toEqual([]);

    const first = await type(`${installCommand} --labels rack=4,role=edge --name bare-1 --allow-host-shell`);
    expect(first.code, first.output).toBe(0);
    expect(first.output).not.toContain(secret);
    expect(first.output).toContain("the checksums that this script came with, the signature (openssl), TLS");
    const host = await bench.green("bare-1");
    expect(host).toMatchObject({ labels: { rack: "4" }, requestedLabels: { role: "edge" } });

    expect((await type(LIMIT)).output).toBe(LIMITED);
    // What people start in a shell is not within it, and not the first to be ended.
    const shell = await bench.inHostShell(host.id, "cat /proc/self/cgroup /proc/self/oom_score_adj; echo done");
    expect(shell).not.toContain("windflow-agent");
    expect(shell).toMatch(/\n0\r\ndone/);

    const programs = ["/opt/windflow-agent/a/windflow-agent", "/opt/windflow-agent/launch"];
    const installed = await root.tree();
    const again = await type(installCommand);
    expect(again.output).toContain("nothing was changed");
    const changed = differences(installed, await root.tree());
    expect(changed.filter((path) => !path.startsWith("/var/lib/windflow-agent/"))).toEqual([]);
    expect([...installed.keys()]).toEqual(expect.arrayContaining(programs));

    const wrongKey = generateKeyPairSync("ed25519")
      .publicKey.export({ format: "der", type: "spki" })
      .toString("base64");
    const strange = installCommand.replace(
      "&& printf",
      `&& sed -i "s|^release_keys=.*|release_keys='${wrongKey}'|" "$d/install.sh" && printf`,
    );
    const refused = await type(strange);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain("not signed by a key of the release");

    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(gone.output).toContain("These workloads go on");
    expect(differences(before, await root.tree())).toEqual([]);
    expect((await type("sh /opt/windflow-agent/nothing.sh")).code).not.toBe(0);
  });

  it("runs as a user, takes every option back, undoes what it did for users, and refuses another control plane's line", async () => {
    const { root, type } = await bench.bareHost("debian");
    expect((await type("useradd --system ops && rm -f /etc/*- /etc/.pwd.lock")).code).toBe(0);
    const before = await root.tree();
    const engine = await socketIn(root, "run/docker.sock");
    const { installCommand } = await bench.lines();
    const options =
      "--user windflow --docker-host /run/docker.sock --allow-host-shell --no-proxy a.example --name bare-2";
    const first = await type(`${installCommand} ${options}`);
    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain("The user windflow is in the group docker now");
    const { id } = await bench.green("bare-2");
    const owners = "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */windflow-agent) stat -c %U $p ;; esac; done";
    expect((await type(owners)).output).toBe("windflow\nexit=0\n");
    const service =
      "cat /etc/windflow/agent/settings /etc/windflow/agent/environment /etc/windflow/agent/service; id -nG ops";
    const asSaid = (await type(service)).output;
    for (const words of [
      "host_shell=yes",
      "no_proxy=a.example",
      "NAME=bare-2",
      "made_user=windflow",
      "run --state-dir",
    ])
      expect(asSaid).toContain(words);

    await copyFile(join(INSTALLER, "install.sh"), join(root.folder, "run/install.sh"));
    const installed = await root.tree();
    const trust = installCommand.slice(installCommand.indexOf("--ca-sha256"));
    const other = "https://other.example:8443";
    for (const [line, words] of [
      [`--server ${other} ${trust}`, `enrolled with ${bench.app.url} as bare-2, and this line is of ${other}`],
      [`--server ${bench.app.url} ${trust} --prefix /opt/other`, "is in /opt/windflow-agent, and not in /opt/other"],
    ] as const) {
      const refused = await type(`sh /run/install.sh ${line}`);
      expect(refused.code).toBe(1);
      expect(refused.output).toContain(words);
      expect(refused.output).toContain("sh /etc/windflow/agent/uninstall.sh");
    }
    const ours = (paths: string[]): string[] => paths.filter((path) => !path.startsWith("/var/lib/windflow-agent/"));
    expect(ours(differences(installed, await root.tree()))).toEqual([]);

    // At the same address another control plane may answer one day.
    const identity = "/var/lib/windflow-agent/identity.json";
    await type(`cp -p ${identity} /run/identity && sed -i 's/MII/MIJ/g' ${identity}`);
    const another = await type(`sh /run/install.sh --server ${bench.app.url} ${trust}`);
    expect(another.output).toContain("whose authority was another one than this line's");
    await type(`cp -p /run/identity ${identity}`);

    // To a user that was there before: the one that was made goes.
    const back = await type(`${installCommand} --user ops --deny-host-shell --no-proxy '' --name ''`);
    expect(back.code, back.output).toBe(0);
    expect((await type(owners)).output).toBe("ops\nexit=0\n");
    const now = (await type(service)).output;
    expect(now).not.toMatch(/host_shell=yes|a.example|NAME=|made_user|--allow-host-shell|windflow:docker/);
    expect(now).toMatch(/docker_host=\/run\/docker.sock\n(.|\n)*joined=ops:docker\n(.|\n)*ops docker\n/);
    expect((await type("id windflow")).code).not.toBe(0);
    const asRoot = await type(`${installCommand} --user ''`);
    expect(asRoot.code, asRoot.output).toBe(0);
    expect((await type(owners)).output).toBe("root\nexit=0\n");
    expect((await type("id -nG ops")).output).toBe("ops\nexit=0\n");
    expect(await bench.green("bare-2")).toMatchObject({ id });
    engine.close();
    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(differences(before, await root.tree()).filter((path) => !BACKUPS.test(path))).toEqual([]);
  });

  it("lists everything that is wrong at once, names the hop that fails, and writes nothing", async () => {
    const { root, type } = await bench.bareHost("debian");
    const before = await root.tree();
    await copyFile(join(INSTALLER, "install.sh"), join(root.folder, "run/install.sh"));
    const look = (options: string) => type(`sh /run/install.sh --preflight --ca-sha256 ${"ab".repeat(32)} ${options}`);
    await type("mkdir /run/theirs && touch /run/theirs/file");
    const odd = "--prefix /tmp/agent --docker-host /run/none.sock --state-dir /run/theirs";
    const looked = await look(`--server ${bench.app.url} ${odd}`);
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
    const proxied = await look(`--server ${bench.app.url} --proxy http://me:word@nowhere.invalid:3128`);
    expect(proxied.output).toContain("DNS: the proxy http://***@nowhere.invalid:3128 has no address");
    for (const folder of ["prefix", "state-dir"]) {
      const removed = await type(`sh /run/install.sh --uninstall --${folder} /run/theirs`);
      expect(removed.output).toContain("/run/theirs holds something, and nothing of an agent: nothing was removed");
    }
    expect((await type("cat /run/theirs/file")).code).toBe(0);
    expect(differences(before, await root.tree())).toEqual([]);
  });
});

describe.runIf(possible)(
  "on a glibc system that has busybox and nothing else",
  { timeout: TOGETHER_MS, concurrent: true },
  () => {
    it("goes from the line for wget to green, and leaves nothing", async () => {
      const { root, type } = await bench.bareHost("busybox");
      const before = await root.tree();
      const { secret, installCommandWget } = await bench.lines();
      const first = await type(`${installCommandWget} --name bare-busybox`);
      expect(first.code, first.output).toBe(0);
      expect(first.output).not.toContain(secret);
      expect(first.output).toContain("this wget checks no certificates");
      expect(first.output).toContain("ok    TLS: the certificate is of the authority that the line names");
      expect(first.output).toContain("checked by: the checksums that this script came with, the signature (openssl)\n");
      await bench.green("bare-busybox");
      const gone = await type("sh /etc/windflow/agent/uninstall.sh");
      expect(gone.code, gone.output).toBe(0);
      expect(differences(before, await root.tree())).toEqual([]);
    });

    it("is sent to the container where there is musl and no glibc", async () => {
      const { root, type } = await bench.bareHost("busybox");
      await copyFile((await shellTools()).busybox, join(root.folder, "bin/busybox"));
      await rm(join(root.folder, "lib64"), { recursive: true });
      await writeFile(join(root.folder, "lib/ld-musl-x86_64.so.1"), "");
      await copyFile(join(INSTALLER, "install.sh"), join(root.folder, "root/install.sh"));
      const looked = await type(
        `sh /root/install.sh --preflight --server ${bench.app.url} --ca-sha256 ${"ab".repeat(32)}`,
      );
      expect(looked.code).toBe(1);
      expect(looked.output).toContain("this system uses musl (Alpine), and the agent needs glibc");
      expect(looked.output).toContain("docker run -d --name windflow-agent");
    });
  },
);

describe.runIf(possible)("under OpenRC", { timeout: TOGETHER_MS, concurrent: true }, () => {
  it("of OpenRC: supervised, within its limits, to green", async () => {
    const { root, type } = await bench.bareHost("openrc");
    const before = await root.tree();
    const { installCommand } = await bench.lines();
    // What `openrc sysinit` makes on a system that boots with it.
    const kept =
      "exclusive started starting stopping stopped inactive wasinactive failed hotplugged daemons options scheduled tmp";
    await type(`cd /run && mkdir openrc && cd openrc && mkdir ${kept} && touch softlevel`);
    const supervised = await type(`${installCommand} --name bare-openrc`);
    expect(supervised.code, supervised.output).toBe(0);
    expect(supervised.output).toContain("service: openrc");
    await bench.green("bare-openrc");
    expect((await type(LIMIT)).output).toBe(LIMITED);
    const gone = await type("sh /etc/windflow/agent/uninstall.sh");
    expect(gone.code, gone.output).toBe(0);
    expect(differences(before, await root.tree())).toEqual([]);
  });
});
