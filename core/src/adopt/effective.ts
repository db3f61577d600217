import { parseGoDuration } from "../compose/duration.ts";
import type { ComposeHealthcheck, ComposeService, ComposeServiceVolume } from "../compose/model.ts";
import { restartPolicy } from "../reconcile/restart-policy.ts";
import { withoutOurs, type ImageDefaults } from "./created.ts";
import { DEFAULT_LOG_DRIVER, DEFAULT_SHM_BYTES, withoutPrefix } from "./created-limits.ts";

/** How the keys of a service are meant on one engine. */
export interface EngineNames {
  /** Key of a network in the model → its name on the engine. */
  readonly network: (key: string) => string;
  readonly volume: (key: string) => string;
  /** Id of the container that stands for another service. */
  readonly containerId: (serviceName: string) => string | undefined;
  /** Aliases that every container of the service has. */
  readonly ownAliases: readonly string[];
}

/** One word for each thing that a container is created with: what a service says and what a container has are equal when these are. */
export type EffectiveService = Readonly<Record<string, unknown>>;

const NANO = 1e9;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** What a container of the service comes to on its engine, with its image's defaults filled in; different spellings of one thing become one. */
export function effectiveService(service: ComposeService, image: ImageDefaults, names: EngineNames): EffectiveService {
  return {
    ...processOf(service, image),
    ...networkingOf(service, image, names),
    ...storageOf(service, image, names),
    ...limitsOf(service),
    ...rightsOf(service, names),
  };
}

function processOf(service: ComposeService, image: ImageDefaults): EffectiveService {
  const ownEntrypoint = service.entrypoint ?? [];
  const ownCommand = service.command ?? [];
  const imageCommand = ownEntrypoint.length > 0 ? [] : image.command;
  const { name, maximumRetries } = restartPolicy(service);
  return {
    entrypoint: service.entrypoint ?? image.entrypoint,
    command: ownCommand.length > 0 ? ownCommand : imageCommand,
    environment: present({ ...image.environment, ...service.environment }),
    user: service.user ?? image.user,
    working_dir: service.working_dir || image.workingDirectory || "/",
    hostname: service.network_mode === "host" ? "" : (service.hostname ?? ""),
    domainname: service.domainname ?? "",
    tty: service.tty ?? false,
    stdin_open: service.stdin_open ?? false,
    stop_signal: service.stop_signal ?? image.stopSignal,
    stop_grace_period: secondsOf(service.stop_grace_period),
    healthcheck: healthcheckOf(service.healthcheck, image.healthcheck),
    labels: { ...withoutOurs(image.labels), ...withoutOurs(service.labels ?? {}) },
    restart: [name, maximumRetries],
    init: service.init ?? false,
  };
}

function networkingOf(service: ComposeService, image: ImageDefaults, names: EngineNames): EffectiveService {
  const ports = (service.ports ?? []).map(
    ({ host_ip, target, published, protocol }) =>
      `${host_ip ?? ""}|${published === "0" ? "" : (published ?? "")}|${target}/${protocol ?? "tcp"}`,
  );
  const exposed = [
    ...(service.expose ?? []).flatMap(exposedPorts),
    ...(service.ports ?? []).map(({ target, protocol }) => `${target}/${protocol ?? "tcp"}`),
    ...image.exposed,
  ];
  const own = new Set([...names.ownAliases, service.hostname]);
  const networks = Object.entries(service.networks ?? {}).map(([key, use]) => {
    const options = {
      ...use?.driver_opts,
      ...(use?.interface_name ? { "com.docker.network.endpoint.ifname": use.interface_name } : {}),
    };
    const attached = {
      aliases: distinct((use?.aliases ?? []).filter((alias) => !own.has(alias))),
      ipv4: use?.ipv4_address ?? "",
      ipv6: use?.ipv6_address ?? "",
      link_local: distinct(use?.link_local_ips ?? []),
      options,
      gateway_priority: use?.gw_priority ?? 0,
    };
    return [names.network(key), attached] as const;
  });
  return {
    ports: distinct(ports),
    expose: distinct(exposed),
    networks: Object.fromEntries(networks),
    network_mode: networks.length > 0 ? "" : modeOf(service.network_mode ?? "none", names),
    dns: service.dns ?? [],
    dns_opt: service.dns_opt ?? [],
    dns_search: service.dns_search ?? [],
    extra_hosts: distinct((service.extra_hosts ?? []).map((entry) => entry.replace(/[=:]/, "="))),
  };
}

function storageOf(service: ComposeService, image: ImageDefaults, names: EngineNames): EffectiveService {
  const mounts = (service.volumes ?? []).flatMap((mount) => {
    const target = cleanPath(mount.target);
    const nameless = mount.type === "volume" && mount.source === undefined;
    // The image asks for one there anyway.
    if (nameless && image.volumes.some((path) => cleanPath(path) === target)) return [];
    return [[target, mountOf(mount, names)] as const];
  });
  const tmpfs = (service.tmpfs ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    return colon < 0 ? [entry, ""] : [entry.slice(0, colon), entry.slice(colon + 1)];
  });
  const from = (service.volumes_from ?? []).map((entry) => {
    if (entry.startsWith("container:")) return entry.slice("container:".length).replace(/:rw$/, "");
    const [name = "", mode = "rw"] = entry.split(":");
    return `${names.containerId(name) ?? `service:${name}`}${mode === "rw" ? "" : `:${mode}`}`;
  });
  return {
    volumes: Object.fromEntries(mounts),
    tmpfs: Object.fromEntries(tmpfs),
    volumes_from: distinct(from),
    shm_size: Number(service.shm_size ?? DEFAULT_SHM_BYTES),
    storage_opt: service.storage_opt ?? {},
    read_only: service.read_only ?? false,
  };
}

function mountOf(mount: ComposeServiceVolume, names: EngineNames): EffectiveService {
  const source = mount.source === undefined ? "" : mount.type === "volume" ? names.volume(mount.source) : mount.source;
  return {
    type: mount.type,
    source: mount.type === "bind" ? cleanPath(source) : source,
    read_only: mount.read_only ?? false,
    propagation: mount.bind?.propagation === "rprivate" ? "" : (mount.bind?.propagation ?? ""),
    selinux: mount.bind?.selinux ?? "",
    nocopy: mount.volume?.nocopy ?? false,
    subpath: mount.volume?.subpath ?? mount.image?.subpath ?? "",
    size: mount.tmpfs?.size ?? "",
    mode: mount.tmpfs?.mode ?? 0,
  };
}

function limitsOf(service: ComposeService): EffectiveService {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const memory = Number(limits?.memory ?? service.mem_limit ?? 0);
  const swap = Number(service.memswap_limit ?? 0);
  const ulimits = Object.entries(service.ulimits ?? {}).map(([name, limit]) => {
    if (typeof limit === "number") return [name, [limit, limit]] as const;
    const soft = limit.soft ?? limit.single ?? 0;
    return [name, [soft, limit.hard ?? limit.single ?? soft]] as const;
  });
  return {
    mem_limit: memory,
    mem_reservation: Number(reservations?.memory ?? service.mem_reservation ?? 0),
    memswap_limit: swap === 2 * memory ? 0 : swap,
    mem_swappiness: service.mem_swappiness ?? "",
    cpus: Math.round(Number(limits?.cpus ?? service.cpus ?? 0) * NANO),
    cpu_shares: service.cpu_shares ?? 0,
    cpu_period: service.cpu_period ?? 0,
    cpu_quota: service.cpu_quota ?? 0,
    cpuset: service.cpuset ?? "",
    pids_limit: Math.max(0, limits?.pids ?? service.pids_limit ?? 0),
    oom_kill_disable: service.oom_kill_disable ?? false,
    oom_score_adj: service.oom_score_adj ?? 0,
    blkio_config: service.blkio_config ?? {},
    ulimits: Object.fromEntries(ulimits),
    gpus: [...(reservations?.devices ?? []), ...(service.gpus ?? [])].map((device) => ({
      capabilities: device.capabilities?.length ? device.capabilities : ["gpu"],
      driver: device.driver ?? "",
      count: device.count ?? (device.device_ids?.length ? 0 : -1),
      device_ids: device.device_ids ?? [],
      options: device.options ?? {},
    })),
  };
}

function rightsOf(service: ComposeService, names: EngineNames): EffectiveService {
  const { driver = DEFAULT_LOG_DRIVER, options = {} } = service.logging ?? {};
  return {
    privileged: service.privileged ?? false,
    cap_add: distinct((service.cap_add ?? []).map(withoutPrefix)),
    cap_drop: distinct((service.cap_drop ?? []).map(withoutPrefix)),
    security_opt: distinct(service.security_opt ?? []),
    group_add: distinct((service.group_add ?? []).map(String)),
    sysctls: service.sysctls ?? {},
    annotations: service.annotations ?? {},
    devices: distinct(
      (service.devices ?? []).map((d) => `${d.source}:${d.target ?? d.source}:${d.permissions ?? "rwm"}`),
    ),
    device_cgroup_rules: distinct(service.device_cgroup_rules ?? []),
    ipc: service.ipc === "private" ? "" : modeOf(service.ipc ?? "", names),
    pid: modeOf(service.pid ?? "", names),
    uts: service.uts ?? "",
    userns_mode: service.userns_mode ?? "",
    cgroup_parent: service.cgroup_parent ?? "",
    runtime: service.runtime === "runc" ? "" : (service.runtime ?? ""),
    logging: [driver === "" ? DEFAULT_LOG_DRIVER : driver, options],
  };
}

function healthcheckOf(check: ComposeHealthcheck | undefined, image: ComposeHealthcheck | undefined): unknown {
  if (check === undefined && image === undefined) return null;
  const test = check?.disable === true ? ["NONE"] : (check?.test ?? image?.test ?? []);
  if (test[0] === "NONE" || test.length === 0) return null;
  const duration = (key: "interval" | "timeout" | "start_period" | "start_interval"): string =>
    String(parseGoDuration(check?.[key] ?? "") || parseGoDuration(image?.[key] ?? "") || 0n);
  return {
    test,
    interval: duration("interval"),
    timeout: duration("timeout"),
    start_period: duration("start_period"),
    start_interval: duration("start_interval"),
    retries: check?.retries || image?.retries || 0,
  };
}

/** `host`, `container:ID`, …; a service's stands as its container's. The engine calls its own network by two names. */
function modeOf(mode: string, names: EngineNames): string {
  const other = /^service:(.*)$/.exec(mode)?.[1];
  if (other !== undefined) return `container:${names.containerId(other) ?? `service:${other}`}`;
  return mode === "default" ? "bridge" : mode;
}

function secondsOf(text: string | undefined): number | null {
  const nanoseconds = parseGoDuration(text ?? "");
  if (nanoseconds === undefined) return null;
  return Number((nanoseconds + NANOSECONDS_PER_SECOND - 1n) / NANOSECONDS_PER_SECOND);
}

function present(environment: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null));
}

/** `80`, `53/udp` or `3000-3005`. */
function exposedPorts(entry: string): string[] {
  const [range = "", protocol = "tcp"] = entry.split("/");
  const [first = 0, last = first] = range.split("-").map(Number);
  return Array.from({ length: Math.max(0, last - first) + 1 }, (_, i) => `${first + i}/${protocol}`);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}

function cleanPath(path: string): string {
  return path.replaceAll(/\/+/g, "/").replace(/(.)\/$/, "$1");
}
