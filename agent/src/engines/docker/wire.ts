import type {
  ContainerDetail,
  ContainerHealth,
  ContainerState,
  EngineFacts,
  ObservedContainer,
  ObservedImage,
  ObservedNetwork,
  ObservedVolume,
  RestartPolicy,
} from "@windflow/core";
import type Docker from "dockerode";
import { compact } from "./units.ts";

const STATES: Readonly<Record<string, ContainerState>> = {
  created: "created",
  configured: "created",
  initialized: "created",
  running: "running",
  stopping: "running",
  paused: "paused",
  restarting: "restarting",
  removing: "removing",
  exited: "exited",
  stopped: "exited",
  dead: "dead",
};
// The engine writes this for a time that has not come.
const NO_TIME = "0001-01-01T00:00:00Z";
// The end of a probe's output says why it failed.
const HEALTH_OUTPUT_CHARACTERS = 500;

/** The list of containers as the engine sends it, with what the published types leave out. */
export type ListedContainer = Docker.ContainerInfo;

export function containerOf(listed: ListedContainer): ObservedContainer {
  const exitCode = /^(?:Exited|Restarting) \((\d+)\)/.exec(listed.Status)?.[1];
  return compact({
    id: listed.Id,
    name: ownName(listed.Names),
    image: listed.Image,
    imageId: listed.ImageID,
    labels: listed.Labels ?? {},
    state: STATES[listed.State] ?? "dead",
    health: healthOf(listed.Status),
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
    createdAt: listed.Created * 1000,
    statusText: listed.Status,
    // Podman's list does not tell it.
    networkMode: listed.HostConfig?.NetworkMode || (Object.keys(listed.NetworkSettings?.Networks ?? {})[0] ?? ""),
    networks: Object.entries(listed.NetworkSettings?.Networks ?? {}).map(([name, endpoint]) =>
      compact({ name, networkId: endpoint.NetworkID ?? "", ipAddress: endpoint.IPAddress || undefined }),
    ),
    mounts: (listed.Mounts ?? []).map((mount) =>
      compact({
        type: mount.Type,
        name: mount.Name || undefined,
        source: mount.Source || undefined,
        destination: mount.Destination,
        readWrite: mount.RW,
      }),
    ),
    ports: (listed.Ports ?? []).map((port) =>
      compact({
        hostIp: port.IP || undefined,
        hostPort: port.PublicPort || undefined,
        containerPort: port.PrivatePort,
        protocol: port.Type,
      }),
    ),
    command: listed.Command,
  });
}

export function networkOf(listed: Docker.NetworkInspectInfo): ObservedNetwork {
  return { id: listed.Id, name: listed.Name, driver: listed.Driver, labels: listed.Labels ?? {} };
}

export function volumeOf(listed: Docker.VolumeInspectInfo): ObservedVolume {
  return { name: listed.Name, driver: listed.Driver, labels: listed.Labels ?? {} };
}

export function imageOf(listed: Docker.ImageInfo): ObservedImage {
  return {
    id: listed.Id,
    tags: (listed.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
    digests: (listed.RepoDigests ?? []).filter((digest) => !digest.startsWith("<none>@")),
    sizeBytes: listed.Size,
  };
}

export function detailOf(inspected: Docker.ContainerInspectInfo): ContainerDetail {
  const { State: state } = inspected;
  const probe = state.Health?.Log?.at(-1);
  return compact({
    createdAt: Date.parse(inspected.Created),
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    restartCount: inspected.RestartCount,
    outOfMemory: state.OOMKilled,
    error: state.Error || undefined,
    healthOutput:
      probe && probe.ExitCode !== 0 ? probe.Output.trim().slice(-HEALTH_OUTPUT_CHARACTERS) || undefined : undefined,
    restartPolicy: policyOf(inspected.HostConfig?.RestartPolicy),
    limits: limitsOf(inspected.HostConfig),
  });
}

const POLICIES: readonly RestartPolicy["name"][] = ["no", "always", "unless-stopped", "on-failure"];

function policyOf(
  policy: Docker.ContainerInspectInfo["HostConfig"]["RestartPolicy"] | undefined,
): RestartPolicy | undefined {
  if (policy === undefined) return undefined;
  const name = policy.Name === "" ? "no" : POLICIES.find((known) => known === policy.Name);
  return name && { name, maximumRetries: policy.MaximumRetryCount ?? 0 };
}

// All that `docker update` can change beside the restart policy.
const LIMITS = [
  "BlkioWeight",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "CpuShares",
  "CpusetCpus",
  "CpusetMems",
  "Memory",
  "MemoryReservation",
  "MemorySwap",
  "NanoCpus",
  "PidsLimit",
] as const;

function limitsOf(configured: Docker.ContainerInspectInfo["HostConfig"] | undefined): string[] {
  const known: Partial<Record<string, unknown>> = { ...configured };
  return LIMITS.flatMap((name) => {
    const value = known[name];
    return typeof value === "number" || typeof value === "string" ? [`${name}=${value}`] : [];
  }).filter((limit) => !/=0?$/.test(limit));
}

export function factsOf(
  version: Docker.DockerVersion,
  apiMinor: number,
  info: Readonly<Record<string, unknown>>,
): EngineFacts {
  const text = (key: string): string => (typeof info[key] === "string" ? info[key] : "");
  return {
    id: text("ID"),
    name: version.Components?.[0]?.Name ?? "Docker Engine",
    version: version.Version,
    apiVersion: `1.${apiMinor}`,
    operatingSystem: text("OperatingSystem"),
    architecture: version.Arch,
    storageDriver: text("Driver"),
    ...(text("DockerRootDir") === "" ? {} : { dataRoot: text("DockerRootDir") }),
  };
}

/** A container that was linked to has more names, each with a slash inside. */
function ownName(names: readonly string[] | undefined): string {
  const plain = (names ?? []).map((name) => name.replace(/^\//, ""));
  return plain.find((name) => !name.includes("/")) ?? plain[0] ?? "";
}

function healthOf(status: string): ContainerHealth {
  if (status.includes("(healthy)")) return "healthy";
  if (status.includes("(unhealthy)")) return "unhealthy";
  return status.includes("(health: starting)") || status.endsWith("(starting)") ? "starting" : "none";
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" || text === NO_TIME ? undefined : Date.parse(text);
}
