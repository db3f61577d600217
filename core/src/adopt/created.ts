import type { ComposeHealthcheck, ComposePort, ComposeService, ComposeServiceNetwork } from "../compose/model.ts";
import { formatGoDuration } from "../compose/duration.ts";
import { COMPOSE_LABEL } from "../reconcile/labels.ts";
import { createdLimits } from "./created-limits.ts";
import { createdMounts } from "./created-mounts.ts";
import type { InspectedConfig, InspectedContainer, InspectedHealthcheck, InspectedImage } from "./inspected.ts";
import { compact, filled, filledMap } from "./compact.ts";

/** What an image says for every container that says nothing itself. */
export interface ImageDefaults {
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly stopSignal: string;
  readonly healthcheck?: ComposeHealthcheck;
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp` each. */
  readonly exposed: readonly string[];
  /** Paths that it declares as volumes. */
  readonly volumes: readonly string[];
}

/** How a container was created, read back from what its engine says. */
export interface CreatedAs {
  /**
   * The container in the words of a service, with what its image gave it. Networks and volumes stand by their names on the
   * engine, shared namespaces as `container:ID`.
   */
  readonly service: ComposeService;
  readonly image: ImageDefaults;
}

export function createdAs(container: InspectedContainer, image: InspectedImage | undefined): CreatedAs {
  const { Config: config, HostConfig: host } = container;
  const defaults = imageDefaults(image?.Config ?? {});
  const networkMode = host.NetworkMode ?? "";
  const networks = createdNetworks(container);
  const shared = /^(?:host$|none$|container:)/.test(networkMode);
  const ownName = config.Hostname ?? "";
  const hostname = shared || ownName === container.Id.slice(0, ownName.length) ? undefined : ownName;
  const environment = { ...absent(defaults.environment), ...environmentOf(config.Env ?? []) };
  const service = compact<ComposeService>({
    image: config.Image ?? container.Image,
    command: [...(config.Cmd ?? [])],
    entrypoint: [...(config.Entrypoint ?? [])],
    environment: filledMap(environment),
    user: config.User || undefined,
    working_dir: config.WorkingDir || undefined,
    hostname: hostname || undefined,
    domainname: config.Domainname || undefined,
    tty: config.Tty || undefined,
    stdin_open: config.OpenStdin || undefined,
    stop_signal: config.StopSignal || undefined,
    stop_grace_period: typeof config.StopTimeout === "number" ? seconds(config.StopTimeout) : undefined,
    healthcheck: config.Healthcheck ? healthcheckOf(config.Healthcheck) : undefined,
    labels: filledMap(withoutOurs(config.Labels ?? {})),
    expose: filled(Object.keys(config.ExposedPorts ?? {})),
    ports: filled(portsOf(container)),
    volumes: filled(createdMounts(container, defaults.volumes)),
    tmpfs: filled(Object.entries(host.Tmpfs ?? {}).map(([path, how]) => (how === "" ? path : `${path}:${how}`))),
    restart: restartOf(container),
    ...(shared || Object.keys(networks).length === 0 ? { network_mode: networkMode || "none" } : { networks }),
    ...createdLimits(host),
  });
  return { service, image: defaults };
}

export function imageDefaults(config: InspectedConfig): ImageDefaults {
  return compact<ImageDefaults>({
    environment: environmentOf(config.Env ?? []),
    command: config.Cmd ?? [],
    entrypoint: config.Entrypoint ?? [],
    user: config.User ?? "",
    workingDirectory: config.WorkingDir ?? "",
    stopSignal: config.StopSignal ?? "",
    healthcheck: config.Healthcheck ? healthcheckOf(config.Healthcheck) : undefined,
    labels: config.Labels ?? {},
    exposed: Object.keys(config.ExposedPorts ?? {}),
    volumes: Object.keys(config.Volumes ?? {}),
  });
}

/** Labels without those that docker compose or WindFlow write for themselves. */
export function withoutOurs(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter(
      ([name]) => !name.startsWith("com.docker.compose.") && !name.startsWith("dev.windflow."),
    ),
  );
}

function environmentOf(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

// What the image sets and the container has not was taken away; null says so.
function absent(environment: Readonly<Record<string, string>>): Record<string, string | null> {
  return Object.fromEntries(Object.keys(environment).map((name) => [name, null]));
}

function healthcheckOf(check: InspectedHealthcheck): ComposeHealthcheck {
  const duration = (value: number | null | undefined): string | undefined =>
    value ? formatGoDuration(BigInt(value)) : undefined;
  return compact<ComposeHealthcheck>({
    test: filled([...(check.Test ?? [])]),
    interval: duration(check.Interval),
    timeout: duration(check.Timeout),
    start_period: duration(check.StartPeriod),
    start_interval: duration(check.StartInterval),
    retries: check.Retries || undefined,
  });
}

function portsOf({ HostConfig: host }: InspectedContainer): ComposePort[] {
  return Object.entries(host.PortBindings ?? {}).flatMap(([key, bindings]) => {
    const [target = "", protocol = "tcp"] = key.split("/");
    return (bindings ?? []).map(({ HostIp, HostPort }) =>
      compact<ComposePort>({
        mode: "ingress",
        host_ip: HostIp || undefined,
        target: Number(target),
        published: HostPort || undefined,
        protocol,
      }),
    );
  });
}

function restartOf({ HostConfig: host }: InspectedContainer): string | undefined {
  const { Name: name = "", MaximumRetryCount: retries = 0 } = host.RestartPolicy ?? {};
  if (name === "" || name === "no") return undefined;
  return name === "on-failure" && retries > 0 ? `${name}:${retries}` : name;
}

function createdNetworks(container: InspectedContainer): Record<string, ComposeServiceNetwork | null> {
  const networks = container.NetworkSettings?.Networks ?? {};
  // The engine's own network gives no aliases and is asked for by network_mode.
  const named = Object.entries(networks).filter(([name]) => name !== "bridge" && name !== "host" && name !== "none");
  const known = new Set(
    [
      container.Id.slice(0, 12),
      container.Name.replace(/^\//, ""),
      container.Config.Labels?.[COMPOSE_LABEL.service],
      // Engines before 28 add the name that the container calls itself.
      container.Config.Hostname,
    ].filter((name) => name !== undefined),
  );
  return Object.fromEntries(
    named.map(([name, endpoint]) => {
      const use = compact<ComposeServiceNetwork>({
        aliases: filled((endpoint?.Aliases ?? []).filter((alias) => !known.has(alias))),
        ipv4_address: endpoint?.IPAMConfig?.IPv4Address || undefined,
        ipv6_address: endpoint?.IPAMConfig?.IPv6Address || undefined,
        link_local_ips: filled([...(endpoint?.IPAMConfig?.LinkLocalIPs ?? [])]),
        driver_opts: filledMap(endpoint?.DriverOpts ?? {}),
        gw_priority: endpoint?.GwPriority || undefined,
      });
      return [name, Object.keys(use).length === 0 ? null : use];
    }),
  );
}

function seconds(value: number): string {
  return formatGoDuration(BigInt(value) * 1_000_000_000n);
}
