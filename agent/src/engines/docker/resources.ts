import type {
  ComposeBlkio,
  ComposeDeviceRequest,
  ComposeService,
  ComposeThrottleDevice,
  ComposeUlimit,
} from "@windflow/core";
import { bytes, compact, nanoCpus } from "./units.ts";

/** The part of HostConfig that limits and reserves; `deploy.resources` wins over the older keys, as in docker compose. */
export function resourcesOf(service: ComposeService): Record<string, unknown> {
  const { limits, reservations } = service.deploy?.resources ?? {};
  return compact({
    CgroupParent: service.cgroup_parent,
    Memory: bytes(limits?.memory ?? service.mem_limit),
    MemoryReservation: bytes(reservations?.memory ?? service.mem_reservation),
    MemorySwap: bytes(service.memswap_limit),
    MemorySwappiness: bytes(service.mem_swappiness),
    OomKillDisable: service.oom_kill_disable,
    NanoCpus: nanoCpus(limits?.cpus ?? service.cpus),
    CpuCount: service.cpu_count,
    CpuPercent: service.cpu_percent,
    CpuPeriod: service.cpu_period,
    CpuQuota: service.cpu_quota,
    CpuRealtimePeriod: service.cpu_rt_period,
    CpuRealtimeRuntime: service.cpu_rt_runtime,
    CpuShares: service.cpu_shares,
    CpusetCpus: service.cpuset,
    PidsLimit: limits?.pids ?? service.pids_limit,
    Ulimits: ulimits(service.ulimits),
    Devices: service.devices?.map((device) => ({
      PathOnHost: device.source,
      PathInContainer: device.target ?? device.source,
      CgroupPermissions: device.permissions ?? "rwm",
    })),
    DeviceCgroupRules: service.device_cgroup_rules,
    DeviceRequests: deviceRequests([...(reservations?.devices ?? []), ...(service.gpus ?? [])]),
    ...blkio(service.blkio_config),
  });
}

function ulimits(limits: Record<string, number | ComposeUlimit> | undefined): unknown[] | undefined {
  if (!limits) return undefined;
  return Object.entries(limits).map(([Name, limit]) => {
    if (typeof limit === "number") return { Name, Soft: limit, Hard: limit };
    const soft = limit.soft ?? limit.single ?? 0;
    return { Name, Soft: soft, Hard: limit.hard ?? limit.single ?? soft };
  });
}

function deviceRequests(devices: readonly ComposeDeviceRequest[]): unknown[] | undefined {
  if (devices.length === 0) return undefined;
  return devices.map((device) =>
    compact({
      Capabilities: [device.capabilities?.length ? device.capabilities : ["gpu"]],
      // The engine wants a count or a list of ids; all of them when neither is said.
      Count: device.count ?? (device.device_ids?.length ? undefined : -1),
      DeviceIDs: device.device_ids,
      Driver: device.driver,
      Options: device.options,
    }),
  );
}

function blkio(config: ComposeBlkio | undefined): Record<string, unknown> {
  if (!config) return {};
  const rates = (devices: ComposeThrottleDevice[] | undefined): unknown[] | undefined =>
    devices?.map((device) => ({ Path: device.Path, Rate: Number(device.Rate) }));
  return {
    BlkioWeight: config.weight,
    BlkioWeightDevice: config.weight_device?.map((device) => ({ Path: device.Path, Weight: device.Weight })),
    BlkioDeviceReadBps: rates(config.device_read_bps),
    BlkioDeviceReadIOps: rates(config.device_read_iops),
    BlkioDeviceWriteBps: rates(config.device_write_bps),
    BlkioDeviceWriteIOps: rates(config.device_write_iops),
  };
}
