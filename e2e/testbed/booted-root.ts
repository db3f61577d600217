import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BareRoot, bareRoot } from "./bare-root.ts";
import type { Machine } from "./machine.ts";

/** Some thirty services of a small system; a loaded machine takes its time. */
const BOOT_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const NAMESPACES = "--mount --uts --ipc --pid --cgroup";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A bare root that has booted: the systemd of its packages is its process 1, with its journal, its units and its control groups. */
export interface BootedRoot extends BareRoot {
  /** What systemd has said on its console. */
  console(): Promise<string>;
}

/**
 * Boots a root with systemd as the machine's second init, in namespaces of its own, as a container would be: /sys and the kernel's
 * settings are read-only. Of the control groups it has its own below the machine's, of version 1 or 2, as this kernel has them.
 * Throws with what is on the console when it does not come up.
 */
export async function bootedRoot(machine: Machine): Promise<BootedRoot> {
  const root = await bareRoot(machine, "systemd");
  const base = join(machine.folder, "systemd");
  await mkdir(base, { recursive: true });
  await writeFile(join(base, "console"), "");
  // An id makes it no first boot, which would ask questions and enable everything.
  await root.put("etc/machine-id", `${randomUUID().replaceAll("-", "")}\n`);
  // There is nobody at the console.
  await root.put("etc/systemd/system/console-getty.service", "");
  await writeFile(join(base, "boot.sh"), bootScript(base, root.inside));
  const launch = `
for procs in $(find /sys/fs/cgroup -maxdepth 1 -type d -exec echo {}${machine.cgroup}/cgroup.procs \\;); do
  [ ! -f "$procs" ] || echo 0 >"$procs" || true
done
exec unshare ${NAMESPACES} --fork --kill-child=KILL --propagation=private /bin/sh -eu ${base}/boot.sh`;
  const program = await machine.run(["/bin/sh", "-euc", launch], { logFile: join(base, "boot.log") });
  const console = (): Promise<string> => readFile(join(base, "console"), "utf8");
  const enter = [
    "/bin/sh",
    "-c",
    `exec nsenter --target $(cat ${base}/init) ${NAMESPACES} --root --wd -- env -i PATH=${PATH} "$@"`,
    "sh",
  ];
  await Promise.race([
    untilBooted(machine, enter, console),
    program.ended.then(async (how) => {
      throw new Error(`systemd has ended (${how}): ${program.output()}\n${await console()}`);
    }),
  ]);
  return { ...root, enter, console };
}

/** It is up when it has no job left; units that failed are for the test to judge. */
async function untilBooted(machine: Machine, enter: readonly string[], console: () => Promise<string>): Promise<void> {
  const deadline = Date.now() + BOOT_TIMEOUT_MS;
  const look = "state=$(systemctl is-system-running 2>&1 || true); echo $state";
  for (;;) {
    const state = await machine.exec([...enter, "/bin/sh", "-c", look]).catch(String);
    if (/^(running|degraded)$/m.test(state)) return;
    if (Date.now() > deadline) throw new Error(`systemd did not come up (${state.trim()}):\n${await console()}`);
    await sleep(POLL_MS);
  }
}

// A terminal of its own, as little of /dev as containers get, and nothing of the outer system that could be written to.
function bootScript(base: string, root: string): string {
  return `
# The machine's own /proc knows this process by the number by which the machine enters it.
read -r init rest </proc/self/stat
echo "$init" >${base}/init
cd ${root}
umount -R -l proc sys dev run tmp
mount -t proc proc proc
for kept in sys sysrq-trigger irq bus; do
  [ ! -e proc/$kept ] || mount --bind proc/$kept proc/$kept
  [ ! -e proc/$kept ] || mount -o remount,bind,ro proc/$kept
done
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  touch dev/$node
  mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm old
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
mount --bind ${base}/console dev/console
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
if [ -f /sys/fs/cgroup/cgroup.procs ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  for place in /sys/fs/cgroup/*/; do
    name=$(basename "$place")
    case $name in cpuset*) continue ;; systemd) kind=cgroup options=none,name=systemd ;; unified) kind=cgroup2 options=rw ;; *) kind=cgroup options=$name ;; esac
    mkdir "sys/fs/cgroup/$name"
    mount -t $kind -o $options $kind "sys/fs/cgroup/$name"
  done
fi
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=windflow PATH=${PATH} TERM=dumb /lib/systemd/systemd --system --log-target=console --show-status=no
`;
}
