import { accessSync, constants, existsSync, readFileSync, readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EngineFacts } from "@windflow/core";
import type { AgentConfig } from "../config.ts";
import { createDockerEngine } from "../engines/docker/index.ts";
import { cgroupMounts } from "../metrics/index.ts";
import { reasonOf } from "../platform/log.ts";
import { type Finding, doubtful, well, wrong } from "./finding.ts";

const MB = 1024 * 1024;
// Below this a pull of a usual image fails, and engines begin to misbehave.
const DISK_FAILED_BYTES = 200 * MB;
const DISK_WARNING_BYTES = 2048 * MB;
// Nearly full: the oldest entries are given up soon.
const SPOOL_WARNING_SHARE = 0.8;
const PRIVATE_MASK = 0o077;

export function judgeState(config: AgentConfig): Finding {
  const { stateDir } = config;
  try {
    accessSync(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return wrong("state", {
      what: `${stateDir} cannot be read and written: ${reasonOf(error)}`,
      why: "Keys, certificate, desired state and spool are there.",
      fix: existsSync(stateDir)
        ? "Run this as root, or as the agent's user."
        : "Install the agent, or give --state-dir.",
    });
  }
  if ((statSync(stateDir).mode & PRIVATE_MASK) === 0) return well("state", `${stateDir} is there, for its owner alone`);
  return doubtful("state", {
    what: `${stateDir} is open to others`,
    why: "Whoever reads the key in it can come to the control plane as this host.",
    fix: `chmod 700 ${stateDir}`,
  });
}

export async function judgeEngine(config: AgentConfig): Promise<{ finding: Finding; facts?: EngineFacts }> {
  const { engineSocket } = config;
  const engine = createDockerEngine({ socketPath: engineSocket });
  try {
    const facts = await engine.facts();
    return {
      facts,
      finding: well("engine", `${facts.name} ${facts.version} at ${engineSocket}, API ${facts.apiVersion}`),
    };
  } catch (error) {
    const missing = !existsSync(engineSocket);
    return {
      finding: wrong("engine", {
        what: `no engine answers at ${engineSocket}: ${missing ? "there is no such socket" : reasonOf(error)}`,
        why: "Nothing can be started or seen without it; what runs goes on.",
        fix: missing
          ? "systemctl start docker, or give --docker-host unix:///PATH."
          : "systemctl status docker; the agent's user must be root or in the group docker.",
      }),
    };
  }
}

export function judgeDisk(config: AgentConfig, engine: EngineFacts | undefined): Finding {
  const folders = [config.stateDir, config.stacksDir, ...(engine?.dataRoot === undefined ? [] : [engine.dataRoot])];
  const rooms = folders.filter((folder) => existsSync(folder)).map((folder) => ({ folder, free: freeBytes(folder) }));
  const least = rooms.toSorted((a, b) => a.free - b.free)[0];
  if (least === undefined) return well("disk", "none of the agent's folders is there yet");
  const what = `${Math.floor(least.free / MB)} MB free for ${least.folder}`;
  const why = "Images that are pulled, files of stacks and what waits to be sent need room.";
  const fix = "docker image prune; docker builder prune; then look with du -xh --max-depth=2 /var/lib.";
  if (least.free < DISK_FAILED_BYTES) return wrong("disk", { what, why, fix });
  return least.free < DISK_WARNING_BYTES ? doubtful("disk", { what, why, fix }) : well("disk", what);
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function judgeCgroup(): Finding {
  const mounts = cgroupMounts();
  const unified = mounts.find(({ version }) => version === 2);
  if (unified !== undefined && existsSync(join(unified.mountPoint, "cgroup.controllers"))) {
    const controllers = readFileSync(join(unified.mountPoint, "cgroup.controllers"), "utf8").trim().split(" ");
    if (controllers.includes("memory")) return well("cgroup", `version 2 with ${controllers.join(", ")}`);
  }
  if (mounts.some(({ version, controllers }) => version === 1 && controllers.includes("memory")))
    return well("cgroup", "version 1 with memory");
  return doubtful("cgroup", {
    what: "there is no memory controller",
    why: "Containers can have no memory limit, and their memory figures are asked of the engine, which is slower.",
    fix: "Add cgroup_enable=memory to the kernel's command line and reboot (on a Raspberry Pi: /boot/firmware/cmdline.txt).",
  });
}

export function judgeSpool(config: AgentConfig): Finding {
  const folder = join(config.stateDir, "spool");
  if (!existsSync(folder)) return well("spool", "empty: nothing was recorded yet");
  const bytes = bytesBelow(folder);
  const what = `${(bytes / MB).toFixed(1)} of ${config.spoolMaxBytes / MB} MB wait or are kept`;
  if (bytes < SPOOL_WARNING_SHARE * config.spoolMaxBytes) return well("spool", what);
  return doubtful("spool", {
    what,
    why: "Events and figures that could not be sent fill it; the oldest are given up next.",
    fix: "Mend the way to the control plane, or give --spool-max-mb a larger number.",
  });
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) => sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
}
