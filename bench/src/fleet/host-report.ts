import type { HostReport } from "@windflow/proto/agent";

/** A small server as agents report it. */
export function hostReport(hostname: string): HostReport {
  return {
    hostname,
    os: "Debian GNU/Linux",
    osVersion: "12",
    kernel: "6.1.0-28-amd64",
    arch: "x64",
    cpuCount: 4,
    cpuModel: "Intel(R) Xeon(R) E-2334 CPU @ 3.40GHz",
    memoryBytes: 16_000_000_000n,
    diskBytes: 480_000_000_000n,
    addresses: ["192.0.2.7", "2001:db8::7"],
    bootedAt: new Date("2026-11-01T06:00:00Z"),
    engineName: "docker",
    engineVersion: "28.5.1",
    engineApiVersion: "1.51",
    capabilities: ["docker"],
    hostShellAllowed: false,
    diskFreeBytes: 300_000_000_000n,
  };
}
