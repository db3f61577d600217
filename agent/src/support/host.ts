import { lstatSync, readFileSync, readdirSync, statfsSync } from "node:fs";
import { release } from "node:os";
import { join, relative } from "node:path";
import type { AgentConfig } from "../config.ts";
import { createDockerEngine } from "../engines/docker/index.ts";
import { reasonOf } from "../platform/log.ts";

/** An engine that hangs must not keep a person from the rest. */
const ENGINE_TIMEOUT_MS = 10_000;
const MOST_CONTAINERS = 2_000;
const MOST_STATE_FILES = 5_000;
const KERNEL_FILES = ["/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/self/mountinfo", "/proc/self/cgroup"];

/** The engine and what runs on it; of containers no environment, command or label but compose's own. */
export async function describeEngine({ engineSocket }: AgentConfig): Promise<object> {
  const engine = createDockerEngine({ socketPath: engineSocket });
  const late = new Promise<never>((_, reject) => {
    const late = (): void => reject(new Error(`the engine did not answer within ${ENGINE_TIMEOUT_MS / 1000} s`));
    setTimeout(late, ENGINE_TIMEOUT_MS).unref();
  });
  try {
    const facts = await Promise.race([engine.facts(), late]);
    const containers = await Promise.race([engine.listContainers(), late]);
    const shown = containers.slice(0, MOST_CONTAINERS).map(({ id, name, image, state, health, labels }) => {
      const project = labels["com.docker.compose.project"];
      return { id, name, image, state, health, project, service: labels["com.docker.compose.service"] };
    });
    return { facts, containerCount: containers.length, containers: shown };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** Room on disks, and what the kernel says of memory, load, mounts and limits. */
export function describeMachine({ stateDir, stacksDir }: AgentConfig): object {
  const disks = [stateDir, stacksDir, "/", "/var/lib/docker"].map((path) => [path, room(path)] as const);
  const kernel = KERNEL_FILES.map((path) => [path, textOf(path)] as const);
  return { kernelRelease: release(), disks: Object.fromEntries(disks), ...Object.fromEntries(kernel) };
}

function room(path: string): object {
  try {
    const { blocks, bavail, bsize, files, ffree } = statfsSync(path);
    return { bytes: blocks * bsize, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return reasonOf(error);
  }
}

/** Names, sizes, modes and times of the agent's files; never what is in them. */
export function describeStateFiles({ stateDir }: AgentConfig): string {
  try {
    return readdirSync(stateDir, { recursive: true, withFileTypes: true })
      .slice(0, MOST_STATE_FILES)
      .map((entry) => lineOf(join(entry.parentPath, entry.name), stateDir))
      .toSorted()
      .join("");
  } catch (error) {
    return `${reasonOf(error)}\n`;
  }
}

function lineOf(path: string, folder: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "";
  const mode = (found.mode & 0o7777).toString(8).padStart(4, "0");
  return `${relative(folder, path)}\t${mode}\t${found.size}\t${found.mtime.toISOString()}\n`;
}
