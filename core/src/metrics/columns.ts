/** What one column of a sample batch means. */
export interface SampleColumnMeaning {
  readonly unit: "ratio" | "bytes" | "bytes_per_second" | "per_second" | "count" | "seconds";
  readonly meaning: string;
  /** The column's name is followed by `:<device>`, one column for each. */
  readonly perDevice?: "mount" | "interface" | "disk";
}

/** Steps of one in which a fraction is kept: finer than anybody looks, and short in binary. */
const FRACTION_STEPS = 4_096;

/** A figure without the digits that nobody reads; they would be most of what travels. */
export function quantized(unit: SampleColumnMeaning["unit"], value: number): number {
  return unit === "ratio" || unit === "count" ? Math.round(value * FRACTION_STEPS) / FRACTION_STEPS : Math.round(value);
}

/** Figures of a host. Rates are made by the agent from counters, over the time between two samples. */
export const HOST_COLUMNS = {
  cpu_used_ratio: { unit: "ratio", meaning: "share of all processors that was not idle, 0 to 1" },
  cpu_iowait_ratio: { unit: "ratio", meaning: "share of all processors that waited for a disk, 0 to 1" },
  cpu_steal_ratio: { unit: "ratio", meaning: "share of all processors that the hypervisor gave to others, 0 to 1" },
  load_1m: { unit: "count", meaning: "load average over one minute" },
  memory_used_bytes: { unit: "bytes", meaning: "total less available" },
  memory_total_bytes: { unit: "bytes", meaning: "memory that the kernel manages" },
  swap_used_bytes: { unit: "bytes", meaning: "swap in use" },
  disk_used_bytes: { unit: "bytes", meaning: "used on a local file system", perDevice: "mount" },
  disk_total_bytes: { unit: "bytes", meaning: "size of a local file system", perDevice: "mount" },
  disk_read_bytes_per_second: { unit: "bytes_per_second", meaning: "read from a disk", perDevice: "disk" },
  disk_write_bytes_per_second: { unit: "bytes_per_second", meaning: "written to a disk", perDevice: "disk" },
  network_receive_bytes_per_second: { unit: "bytes_per_second", meaning: "received", perDevice: "interface" },
  network_transmit_bytes_per_second: { unit: "bytes_per_second", meaning: "sent", perDevice: "interface" },
  uptime_seconds: { unit: "seconds", meaning: "time since the host was booted" },
  agent_cpu_ratio: { unit: "ratio", meaning: "processor that the agent itself takes; 1 is one whole processor" },
  agent_memory_bytes: {
    unit: "bytes",
    meaning: "memory that the agent alone holds: what only its end would give back",
  },
  agent_resident_bytes: {
    unit: "bytes",
    meaning: "memory of the agent with what the kernel can take back, such as its program",
  },
  agent_spool_bytes: { unit: "bytes", meaning: "disk that what waits to be sent takes" },
  agent_receive_bytes_per_second: { unit: "bytes_per_second", meaning: "received from the control plane" },
  agent_transmit_bytes_per_second: { unit: "bytes_per_second", meaning: "sent to the control plane" },
} as const;

/** Figures of one container. */
export const CONTAINER_COLUMNS = {
  cpu_used_cores: { unit: "count", meaning: "processors in use; 1.5 is one and a half" },
  memory_used_bytes: {
    unit: "bytes",
    meaning: "working set: usage less inactive file cache, as docker stats shows it",
  },
  memory_limit_bytes: { unit: "bytes", meaning: "limit of the container; not known (NaN) without one" },
  network_receive_bytes_per_second: { unit: "bytes_per_second", meaning: "received, all interfaces but loopback" },
  network_transmit_bytes_per_second: { unit: "bytes_per_second", meaning: "sent, all interfaces but loopback" },
  block_read_bytes_per_second: { unit: "bytes_per_second", meaning: "read from block devices" },
  block_write_bytes_per_second: { unit: "bytes_per_second", meaning: "written to block devices" },
  processes: { unit: "count", meaning: "processes and threads" },
} as const;

export type HostColumn = keyof typeof HOST_COLUMNS;
export type ContainerColumn = keyof typeof CONTAINER_COLUMNS;

/** Meaning of a column's name as it came over the wire, its device apart; undefined when this build does not know it. */
export function columnMeaning(
  subject: "host" | "container",
  name: string,
): { column: string; device: string | undefined; meaning: SampleColumnMeaning } | undefined {
  const colon = name.indexOf(":");
  const column = colon < 0 ? name : name.slice(0, colon);
  const known: Record<string, SampleColumnMeaning | undefined> = subject === "host" ? HOST_COLUMNS : CONTAINER_COLUMNS;
  const meaning = Object.hasOwn(known, column) ? known[column] : undefined;
  if (meaning === undefined) return undefined;
  const device = colon < 0 ? undefined : name.slice(colon + 1);
  return (device === undefined) === (meaning.perDevice === undefined) ? { column, device, meaning } : undefined;
}
