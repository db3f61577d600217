import {
  noUse,
  type HostUse,
  type PlacementHost,
  type PlacementInput,
  type PlacementReason,
  type PublishedPort,
} from "./model.ts";
import { formatExpression, holds, isSelected } from "./plan-labels.ts";

/** Why a host is not chosen. */
export interface Refusal {
  readonly reason: PlacementReason;
  readonly because: string;
}

/** Why the stack does not belong on the host, whether it is there or not; undefined when it may. */
export function whyForeign(host: PlacementHost, { placement, needs }: PlacementInput): Refusal | undefined {
  const { constraints } = placement;
  if (host.revoked) return { reason: "revoked", because: "the host was revoked" };
  if (host.awaitingApproval) return { reason: "awaiting-approval", because: "nobody has approved the host yet" };
  if (placement.environmentId !== "" && host.environmentId !== placement.environmentId)
    return { reason: "environment", because: "the host is in another environment" };
  if (!isSelected(placement, host, needs.hasSecrets))
    return { reason: "not-selected", because: "the placement does not select the host" };
  const failing = placement.expressions.find((expression) => !holds(expression, host, needs.hasSecrets));
  if (failing !== undefined)
    return { reason: "expression", because: `its labels do not satisfy ${formatExpression(failing)}` };
  if (constraints.arches.length > 0 && !constraints.arches.includes(host.arch))
    return { reason: "arch", because: `its processor is ${host.arch}, wanted is ${constraints.arches.join(" or ")}` };
  const missing = constraints.capabilities.find((capability) => !host.capabilities.includes(capability));
  if (missing !== undefined) return { reason: "capability", because: `the host has no ${missing}` };
  return undefined;
}

/** Why the host, which may run the stack, cannot take it now. What is there already is not asked. */
export function whyFull(host: PlacementHost, { placement, needs }: PlacementInput): Refusal | undefined {
  if (host.scheduling !== "open")
    return { reason: host.scheduling, because: `the host is ${host.scheduling}: it takes nothing new` };
  const picky = placement.strategy !== "all";
  if (picky && host.awaySeconds !== undefined)
    return { reason: "away", because: `the host has not been reached for ${duration(host.awaySeconds)}` };
  const { constraints } = placement;
  // With `all` no other host could take it: the plan of the rollout says on the host itself what does not fit.
  const asked = picky ? needs : noUse;
  const cpus = Math.max(constraints.freeCpus, asked.cpus);
  const memoryBytes = Math.max(constraints.freeMemoryBytes, asked.memoryBytes);
  return lacksOf(host, { cpus, memoryBytes, ports: asked.ports, diskBytes: constraints.freeDiskBytes })[0];
}

/** What the host does not have of what is asked; nothing when it has it all. */
export function lacksOf(host: PlacementHost, asked: HostUse & { readonly diskBytes: number }): Refusal[] {
  const lacks: Refusal[] = [];
  const cpusLeft = host.cpus - host.used.cpus;
  if (asked.cpus > 0 && cpusLeft < asked.cpus)
    lacks.push({
      reason: "cpu",
      because: `${round(cpusLeft)} processors are free, ${round(asked.cpus)} are needed`,
    });
  const memoryLeft = host.memoryBytes - host.used.memoryBytes;
  if (asked.memoryBytes > 0 && memoryLeft < asked.memoryBytes)
    lacks.push({
      reason: "memory",
      because: `${mebibytes(memoryLeft)} of memory are free, ${mebibytes(asked.memoryBytes)} are needed`,
    });
  const disk = whyNoDisk(host.diskFreeBytes, asked.diskBytes);
  if (disk !== "") lacks.push({ reason: "disk", because: disk });
  for (const port of asked.ports)
    if (host.used.ports.some((used) => collide(port, used)))
      lacks.push({ reason: "port", because: `port ${port.port}/${port.protocol} is taken on the host` });
  return lacks;
}

/** Why the disk is too small; empty when it is not, or nothing is asked of it. */
function whyNoDisk(free: number | undefined, wanted: number): string {
  if (wanted === 0 || (free ?? 0) >= wanted) return "";
  if (free === undefined) return `the host has not said how much of its disk is free, ${mebibytes(wanted)} are needed`;
  return `${mebibytes(free)} of the engine's disk are free, ${mebibytes(wanted)} are needed`;
}

const ANY_ADDRESS = new Set(["", "0.0.0.0", "::"]);

function collide(a: PublishedPort, b: PublishedPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.address === b.address || ANY_ADDRESS.has(a.address) || ANY_ADDRESS.has(b.address);
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
const mebibytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
