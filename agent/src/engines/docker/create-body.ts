import { restartPolicy, type ComposeHealthcheck, type ComposeService } from "@windflow/core";
import type { CreateContainerRequest } from "../../reconcile/engine.ts";
import { mountsOf } from "./mounts.ts";
import { networkingOf, portsOf, sharedMode, type Networking } from "./networking.ts";
import { resourcesOf } from "./resources.ts";
import { compact, bytes, nanoseconds, wholeSeconds } from "./units.ts";

// Docker's own default. Podman takes a missing one for 0 and kills at once.
const DEFAULT_GRACE_SECONDS = 10;
const START_INTERVAL_API = 44;
const MAC_OF_CONTAINER_API = 44;

export interface CreateBody {
  readonly body: Readonly<Record<string, unknown>>;
  readonly later: Networking["later"];
}

/** Body of `POST /containers/create` for a service, in the words of the Engine API 1.`apiMinor`. */
export function createBody(request: CreateContainerRequest, apiMinor: number): CreateBody {
  const { service } = request;
  const networking = networkingOf(request, apiMinor);
  const ports = portsOf(service.ports ?? [], service.expose ?? []);
  const body = compact({
    Image: request.imageId,
    Hostname: service.hostname,
    Domainname: service.domainname,
    User: service.user,
    Cmd: service.command ?? undefined,
    Entrypoint: service.entrypoint ?? undefined,
    WorkingDir: service.working_dir,
    Env: environmentOf(service),
    Labels: request.labels,
    Tty: service.tty ?? false,
    OpenStdin: service.stdin_open ?? false,
    AttachStdout: true,
    AttachStderr: true,
    StopSignal: service.stop_signal,
    StopTimeout: wholeSeconds(service.stop_grace_period) ?? DEFAULT_GRACE_SECONDS,
    Healthcheck: service.healthcheck && healthcheckOf(service.healthcheck, apiMinor),
    ExposedPorts: ports.exposed,
    MacAddress: apiMinor < MAC_OF_CONTAINER_API ? service.mac_address : undefined,
    HostConfig: { ...hostConfig(request, networking), PortBindings: ports.bindings },
    NetworkingConfig: { EndpointsConfig: networking.endpoints },
  });
  return { body, later: networking.later };
}

function hostConfig(request: CreateContainerRequest, networking: Networking): Record<string, unknown> {
  const { service, shares } = request;
  const policy = restartPolicy(service);
  return compact({
    ...mountsOf(service.volumes ?? [], request),
    ...resourcesOf(service),
    Annotations: service.annotations,
    CapAdd: service.cap_add,
    CapDrop: service.cap_drop,
    CgroupnsMode: service.cgroup,
    Dns: service.dns,
    DnsOptions: service.dns_opt,
    DnsSearch: service.dns_search,
    ExtraHosts: service.extra_hosts?.map((entry) => entry.replace("=", ":")),
    GroupAdd: service.group_add,
    Init: service.init,
    IpcMode: service.ipc && sharedMode(service.ipc, shares),
    Isolation: service.isolation,
    Links: service.network_mode !== undefined && request.links.length > 0 ? request.links : undefined,
    LogConfig: service.logging && { Type: service.logging.driver ?? "", Config: service.logging.options ?? {} },
    NetworkMode: networking.networkMode,
    OomScoreAdj: service.oom_score_adj,
    PidMode: service.pid && sharedMode(service.pid, shares),
    Privileged: service.privileged,
    ReadonlyRootfs: service.read_only,
    RestartPolicy: { Name: policy.name, MaximumRetryCount: policy.maximumRetries },
    Runtime: service.runtime,
    SecurityOpt: service.security_opt,
    ShmSize: bytes(service.shm_size),
    StorageOpt: service.storage_opt,
    Sysctls: service.sysctls,
    Tmpfs: tmpfsOf(service.tmpfs),
    UTSMode: service.uts,
    UsernsMode: service.userns_mode,
    VolumesFrom: volumesFrom(service, shares),
  });
}

/** `NAME=value` each; a bare name takes away a variable that the image sets. */
function environmentOf(service: ComposeService): string[] {
  return Object.entries(service.environment ?? {}).map(([name, value]) => (value === null ? name : `${name}=${value}`));
}

function healthcheckOf(check: ComposeHealthcheck, apiMinor: number): Record<string, unknown> {
  if (check.disable === true) return { Test: ["NONE"] };
  return compact({
    Test: check.test,
    Interval: nanoseconds(check.interval),
    Timeout: nanoseconds(check.timeout),
    StartPeriod: nanoseconds(check.start_period),
    StartInterval: apiMinor >= START_INTERVAL_API ? nanoseconds(check.start_interval) : undefined,
    Retries: check.retries,
  });
}

/** `/path` or `/path:options` each. */
function tmpfsOf(entries: readonly string[] | undefined): Record<string, string> | undefined {
  if (!entries || entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.map((entry) => {
      const colon = entry.indexOf(":");
      return colon < 0 ? [entry, ""] : [entry.slice(0, colon), entry.slice(colon + 1)];
    }),
  );
}

function volumesFrom(service: ComposeService, shares: Readonly<Record<string, string>>): string[] | undefined {
  return service.volumes_from?.map((entry) => {
    if (entry.startsWith("container:")) return entry.slice("container:".length);
    const [name = "", mode] = entry.split(":");
    const containerId = shares[name];
    if (containerId === undefined) throw new Error(`volumes_from ${name} needs a container of it, and there is none`);
    return mode === undefined ? containerId : `${containerId}:${mode}`;
  });
}
