import { parseByteSize, replicasOf, type ComposeModel } from "@windflow/core";
import type { PublishedPort, StackNeeds } from "./model.ts";

/** What one copy of a stack takes: what its services reserve, the ports they publish, the volumes they write to. */
export function needsOf(model: ComposeModel, hasSecrets: boolean): StackNeeds {
  let cpus = 0;
  let memoryBytes = 0;
  const ports: PublishedPort[] = [];
  const writtenVolumes = new Set<string>();
  for (const service of Object.values(model.services)) {
    const replicas = replicasOf(service);
    if (replicas === 0) continue;
    const reserved = service.deploy?.resources?.reservations;
    cpus += replicas * Number(reserved?.cpus ?? 0);
    memoryBytes += replicas * bytesOf(reserved?.memory ?? service.mem_reservation);
    for (const { host_ip: address = "", published = "", protocol = "tcp" } of service.ports ?? []) {
      const port = Number(published);
      // A range is a choice of the host's: it finds a free one, or says so.
      if (Number.isInteger(port) && port > 0) ports.push({ address, port, protocol });
    }
    for (const volume of service.volumes ?? [])
      if (volume.type === "volume" && volume.read_only !== true && volume.source !== undefined)
        writtenVolumes.add(volume.source);
  }
  return { cpus, memoryBytes, ports, hasSecrets, writtenVolumes: [...writtenVolumes].toSorted() };
}

function bytesOf(size: string | number | undefined): number {
  return size === undefined ? 0 : Math.max(0, parseByteSize(String(size)) ?? 0);
}
