import { join } from "node:path";
import type { DesiredStack } from "@windflow/core";
import type { AgentConfig } from "../config.ts";
import { reasonOf } from "../platform/log.ts";
import { openBodyFiles } from "../state/body-files.ts";
import { loadDesired } from "../state/desired-file.ts";
import { desiredStack, imagePlatform } from "../state/desired-world.ts";

/** What is wanted of this host as it lies on its disk, and why a part of it cannot be read. */
export function storedStacks({ stateDir, stacksDir }: AgentConfig): {
  readonly stacks: readonly DesiredStack[];
  readonly problems: readonly string[];
} {
  const folder = join(stateDir, "desired");
  const stored = loadDesired(folder);
  if (stored === undefined) return { stacks: [], problems: [] };
  const bodies = openBodyFiles(join(folder, "bodies"));
  const reader = { platform: imagePlatform(process.arch), stacksDir };
  const stacks: DesiredStack[] = [];
  const problems: string[] = [];
  for (const { stackId, bodyDigest } of stored.stacks) {
    try {
      stacks.push(desiredStack(bodies.read(bodyDigest), bodyDigest, reader));
    } catch (error) {
      problems.push(`${stackId}: ${reasonOf(error)}`);
    }
  }
  return { stacks, problems };
}

/** Keys of which the value says how a service runs and can hold no secret. */
const SHOWN = [
  "image",
  "restart",
  "ports",
  "networks",
  "network_mode",
  "user",
  "privileged",
  "read_only",
  "scale",
  "mem_limit",
  "cpus",
  "depends_on",
  "volumes",
  "stop_grace_period",
] as const;
/** Keys of which only the names inside are told. */
const NAMES = ["environment", "labels"] as const;

/** A stack as it may be shown to a stranger: values of environments, labels, commands and files are left out, their names are not. */
export function describeStack({
  stackId,
  stackName,
  project,
  revision,
  bodyDigest,
  model,
  images,
}: DesiredStack): object {
  const services = Object.entries(model.services).map(([name, service]) => {
    const all: Partial<Record<string, unknown>> = { ...service };
    const shown = SHOWN.filter((key) => all[key] !== undefined).map((key) => [key, all[key]] as const);
    const names = NAMES.map((key) => [`${key}Names`, namesOf(all[key])] as const).filter(([, list]) => list.length > 0);
    const known = new Set<string>([...SHOWN, ...NAMES]);
    const others = Object.keys(all).filter((key) => !known.has(key) && all[key] !== null);
    return [name, { ...Object.fromEntries([...shown, ...names]), alsoSet: others.toSorted() }] as const;
  });
  const named = (key: "networks" | "volumes" | "configs" | "secrets"): string[] => namesOf(model[key]);
  return {
    stackId,
    stackName,
    project,
    revision,
    bodyDigest,
    services: Object.fromEntries(services),
    networks: named("networks"),
    volumes: named("volumes"),
    configs: named("configs"),
    secrets: named("secrets"),
    images,
  };
}

function namesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map((entry) => String(entry).split("=")[0] ?? "").toSorted();
  return typeof value === "object" && value !== null ? Object.keys(value).toSorted() : [];
}
