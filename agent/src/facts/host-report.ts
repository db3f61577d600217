import { existsSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from "node:os";
import type { EngineFacts } from "@windflow/core";
import type { HostReport } from "@windflow/proto/agent";
import { parseBootTime, parseCpuModel, parseOsRelease } from "./proc-text.ts";

/** A machine with hundreds of container networks is not described better by all of its addresses. */
const MAX_ADDRESSES = 32;
/** Interfaces that engines and hypervisors make; their addresses reach nobody outside. */
const INNER_INTERFACE = /^(veth|docker|br-|virbr|cni|flannel|cali|podman)/;

export interface HostReportOptions {
  /** Overrides the machine's own name. */
  readonly name: string | undefined;
  readonly hostShellAllowed: boolean;
  /** undefined while the engine cannot be asked. */
  readonly engine: EngineFacts | undefined;
}

/** What the host says of itself, read from the kernel without starting a process. */
export function hostReport(options: HostReportOptions): HostReport {
  const os = parseOsRelease(readText("/etc/os-release"));
  const bootTime = parseBootTime(readText("/proc/stat"));
  const { engine } = options;
  return {
    hostname: options.name ?? hostname(),
    os: os.name,
    osVersion: os.version,
    kernel: release(),
    arch: process.arch,
    cpuCount: availableParallelism(),
    cpuModel: parseCpuModel(readText("/proc/cpuinfo")),
    memoryBytes: BigInt(totalmem()),
    diskBytes: rootDiskBytes(),
    addresses: addresses(),
    bootedAt: bootTime === undefined ? undefined : new Date(bootTime),
    engineName: engineName(engine),
    engineVersion: engine?.version ?? "",
    engineApiVersion: engine?.apiVersion ?? "",
    capabilities: capabilities(engine),
    hostShellAllowed: options.hostShellAllowed,
    diskFreeBytes: BigInt(engineDisk(engine).freeBytes),
  };
}

export interface DiskRoom {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of the disk that the engine stores images on; the root's where the engine does not say, or keeps it out of sight. */
export function engineDisk(engine: EngineFacts | undefined): DiskRoom {
  const { dataRoot } = engine ?? {};
  const { bavail, blocks, bsize } = statfsSync(dataRoot !== undefined && existsSync(dataRoot) ? dataRoot : "/");
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Differs after each boot; empty where the kernel does not say. */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
}

// Docker calls its own component just "Engine"; Podman says its name.
function engineName(engine: EngineFacts | undefined): string {
  return engine?.name === "Engine" ? "Docker Engine" : (engine?.name ?? "");
}

function capabilities(engine: EngineFacts | undefined): string[] {
  const found: string[] = [];
  if (engine !== undefined) found.push(/podman/i.test(engine.name) ? "podman" : "docker");
  if (existsSync("/run/systemd/system")) found.push("systemd");
  return found;
}

function rootDiskBytes(): bigint {
  const root = statfsSync("/", { bigint: true });
  return root.blocks * root.bsize;
}

function addresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !INNER_INTERFACE.test(name))
    .flatMap(([, list]) => list ?? [])
    .filter((entry) => !entry.internal && !entry.address.startsWith("fe80:"))
    .map((entry) => entry.address)
    .slice(0, MAX_ADDRESSES);
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
