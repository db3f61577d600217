import type { ComposeService } from "../compose/model.ts";
import { parseGoDuration } from "../compose/duration.ts";
import { compareText } from "./world-index.ts";

/** Containers that the service wants; `scale` wins over `deploy.replicas`. */
export function replicasOf(service: ComposeService): number {
  return service.scale ?? service.deploy?.replicas ?? 1;
}

export function hasHealthcheck(service: ComposeService): boolean {
  const check = service.healthcheck;
  return check !== undefined && check.disable !== true && check.test !== undefined && check.test[0] !== "NONE";
}

const NANOSECONDS = 1_000_000n;

/** Milliseconds of a duration as Compose writes it; undefined when it is absent or none. */
export function durationMs(text: string | undefined): number | undefined {
  const parsed = text === undefined ? undefined : parseGoDuration(text);
  return parsed === undefined ? undefined : Number(parsed / NANOSECONDS);
}

const HEALTH_DEFAULTS = { interval: 30_000, timeout: 30_000, start_period: 0 } as const;
const HEALTH_RETRIES = 3;
// Probes start late on a host that is busy.
const HEALTH_SLACK_MS = 10_000;

/** How long after its start an engine may need to find a container healthy or not, in milliseconds. */
export function healthDeadlineMs({ healthcheck = {} }: Pick<ComposeService, "healthcheck">): number {
  const ms = (key: keyof typeof HEALTH_DEFAULTS): number => durationMs(healthcheck[key]) ?? HEALTH_DEFAULTS[key];
  const probes = (healthcheck.retries ?? HEALTH_RETRIES) + 1;
  return ms("start_period") + probes * (ms("interval") + ms("timeout")) + HEALTH_SLACK_MS;
}

/** Services of the same stack whose namespaces or volumes this one shares, sorted. */
export function sharedServices(service: ComposeService): string[] {
  const modes = [service.network_mode, service.ipc, service.pid].filter((mode) => mode?.startsWith("service:"));
  const names = modes.map((mode) => (mode ?? "").slice("service:".length));
  const volumesFrom = (service.volumes_from ?? [])
    .filter((entry) => !entry.startsWith("container:"))
    .map((entry) => entry.split(":")[0] ?? "");
  return [...new Set([...names, ...volumesFrom])].toSorted(compareText);
}

/** Dependencies first; services of equal rank by name. A cycle, which the renderer refuses, ends where it began. */
export function inDependencyOrder(services: Readonly<Record<string, ComposeService>>): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string): void => {
    const service = services[name];
    if (!service || seen.has(name)) return;
    seen.add(name);
    for (const dependency of [...Object.keys(service.depends_on ?? {}), ...sharedServices(service)].toSorted(
      compareText,
    ))
      visit(dependency);
    order.push(name);
  };
  for (const name of Object.keys(services).toSorted(compareText)) visit(name);
  return order;
}

/** Why two containers of it must not run at once, or undefined when they may. */
export function whyStopFirst(service: ComposeService): string | undefined {
  if (service.deploy?.update_config?.order === "stop-first") return "its update order is stop-first";
  if (service.container_name !== undefined) return `it has the fixed name ${service.container_name}`;
  const port = (service.ports ?? []).find((entry) => entry.published !== undefined && !isFree(entry.published));
  if (port) return `it publishes port ${port.published}`;
  const volume = (service.volumes ?? []).find((mount) => writesToDisk(mount) && mount.read_only !== true);
  if (volume) return `it writes to ${volume.source ?? volume.target}`;
  if (service.network_mode !== undefined && service.network_mode !== "none" && service.network_mode !== "bridge")
    return `it uses the network of ${service.network_mode}`;
  const fixed = Object.entries(service.networks ?? {}).find(([, use]) => hasFixedAddress(use));
  if (fixed || service.mac_address !== undefined) return "it has a fixed address";
  if ((service.devices ?? []).length > 0) return "it uses a device";
  if ((service.volumes_from ?? []).length > 0) return "it uses the volumes of another container";
  return undefined;
}

function isFree(published: string): boolean {
  return published === "" || published === "0";
}

function writesToDisk(mount: { type: string }): boolean {
  return mount.type === "volume" || mount.type === "bind" || mount.type === "cluster";
}

function hasFixedAddress(use: { ipv4_address?: string; ipv6_address?: string; mac_address?: string } | null): boolean {
  return use?.ipv4_address !== undefined || use?.ipv6_address !== undefined || use?.mac_address !== undefined;
}
