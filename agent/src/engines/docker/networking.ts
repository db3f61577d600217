import type { ComposePort, ComposeService, ComposeServiceNetwork } from "@windflow/core";
import type { CreateContainerRequest, NetworkAttachment } from "../../reconcile/engine.ts";
import { compact } from "./units.ts";

/** An engine whose API is below 1.44 takes one network at creation and the rest by a connect each. */
const SEVERAL_ENDPOINTS_API = 44;
const GATEWAY_PRIORITY_API = 48;

export interface Networking {
  readonly networkMode: string;
  readonly endpoints: Readonly<Record<string, unknown>>;
  /** Attachments that have to be made after the creation. */
  readonly later: readonly NetworkAttachment[];
}

export function networkingOf(request: CreateContainerRequest, apiMinor: number): Networking {
  const mode = request.service.network_mode;
  if (mode !== undefined) return { networkMode: sharedMode(mode, request.shares), endpoints: {}, later: [] };
  const ordered = inPriority(request);
  const [primary] = ordered;
  if (!primary) return { networkMode: "none", endpoints: {}, later: [] };
  const atCreation = apiMinor >= SEVERAL_ENDPOINTS_API ? ordered : [primary];
  return {
    networkMode: primary.name,
    endpoints: Object.fromEntries(
      atCreation.map((network) => [network.name, endpointOf(network, request.service, request.links, apiMinor)]),
    ),
    later: ordered.slice(atCreation.length),
  };
}

export function endpointOf(
  network: NetworkAttachment,
  service: ComposeService,
  links: readonly string[],
  apiMinor: number,
): Record<string, unknown> {
  const use: ComposeServiceNetwork = service.networks?.[network.key] ?? {};
  const ipam = compact({
    IPv4Address: use.ipv4_address,
    IPv6Address: use.ipv6_address,
    LinkLocalIPs: use.link_local_ips,
  });
  return compact({
    Aliases: [...network.aliases, ...(use.aliases ?? [])],
    Links: links.length > 0 ? links : undefined,
    IPAMConfig: Object.keys(ipam).length > 0 ? ipam : undefined,
    DriverOpts: driverOptions(use),
    MacAddress: apiMinor >= SEVERAL_ENDPOINTS_API ? (use.mac_address ?? service.mac_address) : undefined,
    GwPriority: apiMinor >= GATEWAY_PRIORITY_API ? use.gw_priority : undefined,
  });
}

/** `service:X` of network_mode, ipc and pid → the container that stands for X. */
export function sharedMode(mode: string, shares: Readonly<Record<string, string>>): string {
  if (!mode.startsWith("service:")) return mode;
  const service = mode.slice("service:".length);
  const containerId = shares[service];
  if (containerId === undefined) throw new Error(`${mode} needs a container of ${service}, and there is none`);
  return `container:${containerId}`;
}

export function portsOf(
  ports: readonly ComposePort[],
  expose: readonly string[],
): {
  exposed: Record<string, object>;
  bindings: Record<string, { HostIp: string; HostPort: string }[]>;
} {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const key of expose.flatMap(exposedPorts)) exposed[key] = {};
  for (const port of ports) {
    const key = `${port.target}/${port.protocol ?? "tcp"}`;
    exposed[key] = {};
    (bindings[key] ??= []).push({ HostIp: port.host_ip ?? "", HostPort: port.published ?? "" });
  }
  return { exposed, bindings };
}

/** `80`, `53/udp` or `3000-3005`, which the engine wants one by one. */
function exposedPorts(entry: string): string[] {
  const [range = "", protocol = "tcp"] = entry.split("/");
  const [first = 0, last = first] = range.split("-").map(Number);
  return Array.from({ length: Math.max(0, last - first) + 1 }, (_, i) => `${first + i}/${protocol}`);
}

function driverOptions(use: ComposeServiceNetwork): Record<string, string> | undefined {
  const named = use.interface_name === undefined ? {} : { "com.docker.network.endpoint.ifname": use.interface_name };
  const options = { ...use.driver_opts, ...named };
  return Object.keys(options).length > 0 ? options : undefined;
}

// The network of the highest priority gives the default route; equal ones go by their key.
function inPriority(request: CreateContainerRequest): NetworkAttachment[] {
  const priority = ({ key }: NetworkAttachment): number => request.service.networks?.[key]?.priority ?? 0;
  return request.networks.toSorted((a, b) => priority(b) - priority(a) || (a.key < b.key ? -1 : 1));
}
