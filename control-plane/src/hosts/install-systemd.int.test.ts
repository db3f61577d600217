import { access } from "node:fs/promises";
import { join } from "node:path";
import { canMakeMachines } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Bare, differences, type Installing, PATIENCE_MS, startInstalling } from "./testing/installing.ts";

const UNIT = "windflow-agent.service";
const PATIENCE = { timeout: PATIENCE_MS, interval: 200 };
const MB = 1024 * 1024;

let bench: Installing;
beforeAll(async () => {
  bench = await startInstalling();
}, PATIENCE_MS);
afterAll(() => bench.stop());

/** Types a line that has to succeed; what it said. */
async function typed({ type }: Bare, line: string): Promise<string> {
  const { code, output } = await type(line);
  expect(code, output).toBe(0);
  return output.replace(/exit=0\n$/, "");
}

/** What systemd says of the unit now. */
async function unit(bare: Bare, ...names: string[]): Promise<Record<string, string>> {
  const lines = await typed(bare, `systemctl show ${UNIT} ${names.map((name) => `-p ${name}`).join(" ")}`);
  return Object.fromEntries(lines.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

test.runIf(await canMakeMachines())(
  "under a systemd that runs: shut in, limited, brought back, upgraded, and gone without a trace",
  // The first time its packages are fetched.
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const bare = await bench.bootedHost();
    const { root } = bare;
    expect((await typed(bare, "systemctl is-system-running; systemctl --failed --plain --no-legend")).trim()).toBe(
      "running",
    );
    const before = await root.tree();
    const { installCommand } = await bench.lines();
    const first = await typed(bare, `${installCommand} --allow-host-shell --name live`);
    expect(first).toContain("ok    service: systemd");
    const { id } = await bench.green("live");

    expect(await typed(bare, `systemd-analyze verify --man=no /etc/systemd/system/${UNIT}`)).toBe("");
    const scored = await typed(bare, `systemd-analyze security --no-pager ${UNIT}`);
    expect(Number(/: (\d+\.\d) \S+ \S+\s*$/.exec(scored)?.[1] ?? 10)).toBeLessThan(4);

    // In force, not only written: what the kernel says of the process, and what the process can do.
    const running = await unit(
      bare,
      "ActiveState",
      "SubState",
      "UnitFileState",
      "MainPID",
      "MemoryMax",
      "ControlGroup",
    );
    expect(running).toMatchObject({ ActiveState: "active", SubState: "running", UnitFileState: "enabled" });
    expect(Number(running["MemoryMax"])).toBe(256 * MB);
    const pid = running["MainPID"] ?? "";
    const facts = await typed(
      bare,
      `readlink /proc/${pid}/exe; cat /proc/${pid}/oom_score_adj; grep -E '^(NoNewPrivs|Seccomp|CapBnd):' /proc/${pid}/status
       for file in memory/$group/memory.limit_in_bytes $group/memory.max pids/$group/pids.max $group/pids.max; do
         [ ! -f /sys/fs/cgroup/$file ] || cat /sys/fs/cgroup/$file; done`.replaceAll(
        "$group",
        running["ControlGroup"] ?? "",
      ),
    );
    expect(facts.split(/\s+/)).toEqual([
      "/opt/windflow-agent/a/windflow-agent",
      "900",
      "CapBnd:",
      expect.stringMatching(/^0{8}[0-9a-f]{8}$/),
      "NoNewPrivs:",
      "1",
      "Seccomp:",
      "2",
      String(256 * MB),
      "256",
      "",
    ]);
    const inside = `nsenter --target ${pid} --mount`;
    for (const path of ["/usr/x", "/etc/x", "/root/x", "/sys/fs/cgroup/x", "/var/log/x"])
      expect((await bare.type(`${inside} touch ${path}`)).output, path).toContain("Read-only file system");
    await typed(
      bare,
      `touch /tmp/outer; ${inside} sh -euc 'touch /var/lib/windflow-agent/x; rm /var/lib/windflow-agent/x; [ ! -e /tmp/outer ]'`,
    );

    // What people start in a shell is none of it.
    const shell = await bench.inHostShell(
      id,
      "cat /proc/self/cgroup /proc/self/oom_score_adj; touch /usr/by-hand && rm /usr/by-hand && echo outside",
    );
    expect(shell).not.toContain(UNIT);
    expect(shell).toMatch(/\n0\r\noutside/);

    await typed(bare, `kill -KILL ${pid}`);
    // By way of the journal, which systemd keeps for it.
    const welcomed = async (epoch: number): Promise<void> =>
      vi.waitFor(
        async () => expect(await typed(bare, "windflow-agent logs")).toContain(`hostId=${id} epoch=${epoch}\n`),
        PATIENCE,
      );
    await welcomed(2);
    expect(await unit(bare, "SubState", "NRestarts")).toEqual({ SubState: "running", NRestarts: "1" });
    await expect(access(join(root.folder, "var/lib/windflow-agent/agent.log"))).rejects.toThrow("ENOENT");

    await typed(bare, `systemctl stop ${UNIT}`);
    expect(await unit(bare, "ActiveState", "Result")).toEqual({ ActiveState: "inactive", Result: "success" });
    await bench.releaseNewer();
    const newer = await typed(bare, `${(await bench.lines()).installCommand} --deny-host-shell`);
    expect(newer).toContain("is in /opt/windflow-agent/b; the one before stays in /opt/windflow-agent/a");
    await welcomed(3);
    expect(await unit(bare, "ActiveState", "NRestarts")).toEqual({ ActiveState: "active", NRestarts: "0" });
    expect(await typed(bare, `cat /proc/$(systemctl show -P MainPID ${UNIT})/cmdline`)).not.toContain(
      "allow-host-shell",
    );

    await typed(bare, "sh /etc/windflow/agent/uninstall.sh");
    expect(await unit(bare, "LoadState")).toEqual({ LoadState: "not-found" });
    expect(await typed(bare, "systemctl list-units --all --plain --no-legend 'windflow*'")).toBe("");
    expect(differences(before, await root.tree())).toEqual([]);
  },
);
