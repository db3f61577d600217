import type { ComposeBlkio, ComposeDeviceRequest, ComposeService } from "../compose/model.ts";
import { compact, filled, filledMap } from "./compact.ts";
import type { InspectedHostConfig } from "./inspected.ts";

/** The engine's default size of /dev/shm. */
export const DEFAULT_SHM_BYTES: number = 64 * 1024 * 1024;
export const DEFAULT_LOG_DRIVER = "json-file";
const DEFAULT_RUNTIMES = new Set(["", "runc", "io.containerd.runc.v2"]);
const NANO = 1e9;

/** Limits, rights, devices and namespaces that a container was created with. What is the engine's default is absent. */
export function createdLimits(host: InspectedHostConfig): Partial<ComposeService> {
  const { Type: driver = "", Config: options } = host.LogConfig ?? {};
  const swap = host.MemorySwap ?? 0;
  const doubled = swap === 2 * (host.Memory ?? 0);
  const logging = driver !== "" && (driver !== DEFAULT_LOG_DRIVER || Object.keys(options ?? {}).length > 0);
  return compact<Partial<ComposeService>>({
    mem_limit: bytes(host.Memory),
    mem_reservation: bytes(host.MemoryReservation),
    // The engine sets it to twice the memory where nothing is said.
    memswap_limit: doubled ? undefined : bytes(swap),
    mem_swappiness:
      typeof host.MemorySwappiness === "number" && host.MemorySwappiness >= 0
        ? String(host.MemorySwappiness)
        : undefined,
    cpus: host.NanoCpus ? host.NanoCpus / NANO : undefined,
    cpu_shares: host.CpuShares || undefined,
    cpu_period: host.CpuPeriod || undefined,
    cpu_quota: host.CpuQuota || undefined,
    cpuset: host.CpusetCpus || undefined,
    pids_limit: (host.PidsLimit ?? 0) > 0 ? (host.PidsLimit ?? undefined) : undefined,
    oom_kill_disable: host.OomKillDisable || undefined,
    oom_score_adj: host.OomScoreAdj || undefined,
    shm_size: host.ShmSize === DEFAULT_SHM_BYTES ? undefined : bytes(host.ShmSize),
    blkio_config: blkioOf(host),
    cgroup_parent: host.CgroupParent || undefined,
    cap_add: filled((host.CapAdd ?? []).map(withoutPrefix)),
    cap_drop: filled((host.CapDrop ?? []).map(withoutPrefix)),
    privileged: host.Privileged || undefined,
    read_only: host.ReadonlyRootfs || undefined,
    init: host.Init ?? undefined,
    sysctls: filledMap(host.Sysctls ?? {}),
    storage_opt: filledMap(host.StorageOpt ?? {}),
    annotations: filledMap(host.Annotations ?? {}),
    security_opt: filled([...(host.SecurityOpt ?? [])]),
    extra_hosts: filled((host.ExtraHosts ?? []).map((entry) => entry.replace(":", "="))),
    dns: filled([...(host.Dns ?? [])]),
    dns_opt: filled([...(host.DnsOptions ?? [])]),
    dns_search: filled([...(host.DnsSearch ?? [])]),
    group_add: filled([...(host.GroupAdd ?? [])]),
    logging: logging ? { driver, ...(filledMap(options ?? {}) ? { options: { ...options } } : {}) } : undefined,
    ipc: host.IpcMode === "private" ? undefined : host.IpcMode || undefined,
    pid: host.PidMode || undefined,
    uts: host.UTSMode || undefined,
    userns_mode: host.UsernsMode || undefined,
    cgroup: host.CgroupnsMode || undefined,
    runtime: DEFAULT_RUNTIMES.has(host.Runtime ?? "") ? undefined : (host.Runtime ?? undefined),
    volumes_from: filled((host.VolumesFrom ?? []).map((from) => `container:${from}`)),
    devices: filled(
      (host.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
        source: PathOnHost,
        target: PathInContainer || PathOnHost,
        permissions: CgroupPermissions || "rwm",
      })),
    ),
    device_cgroup_rules: filled([...(host.DeviceCgroupRules ?? [])]),
    gpus: filled(deviceRequests(host)),
    ulimits: filledMap(
      Object.fromEntries((host.Ulimits ?? []).map(({ Name, Soft, Hard }) => [Name, { soft: Soft, hard: Hard }])),
    ),
  });
}

/** Capabilities are the same with and without `CAP_`, in any case. */
export function withoutPrefix(capability: string): string {
  return capability.toUpperCase().replace(/^CAP_/, "");
}

function bytes(value: number | null | undefined): string | undefined {
  return value ? String(value) : undefined;
}

function deviceRequests({ DeviceRequests: requests }: InspectedHostConfig): ComposeDeviceRequest[] {
  return (requests ?? []).map((request) =>
    compact<ComposeDeviceRequest>({
      capabilities: filled([...(request.Capabilities?.[0] ?? [])]),
      driver: request.Driver || undefined,
      count: request.Count || undefined,
      device_ids: filled([...(request.DeviceIDs ?? [])]),
      options: filledMap(request.Options ?? {}),
    }),
  );
}

function blkioOf(host: InspectedHostConfig): ComposeBlkio | undefined {
  const rates = (
    devices: readonly { readonly Path: string; readonly Rate: number }[] | null | undefined,
  ): { Path: string; Rate: string }[] | undefined =>
    filled((devices ?? []).map(({ Path, Rate }) => ({ Path, Rate: String(Rate) })));
  return filledMap(
    compact<ComposeBlkio>({
      weight: host.BlkioWeight || undefined,
      device_read_bps: rates(host.BlkioDeviceReadBps),
      device_read_iops: rates(host.BlkioDeviceReadIOps),
      device_write_bps: rates(host.BlkioDeviceWriteBps),
      device_write_iops: rates(host.BlkioDeviceWriteIOps),
    }) as Record<string, never>,
  ) as ComposeBlkio | undefined;
}
