import { networkConfigHash, volumeConfigHash } from "../compose/config-hash.ts";
import type { ComposeIpam, ComposeNetwork, ComposeVolume } from "../compose/model.ts";
import { COMPOSE_LABEL } from "../reconcile/labels.ts";
import { compact, filledMap } from "./compact.ts";
import { withoutOurs } from "./created.ts";
import type { InspectedNetwork, InspectedVolume } from "./inspected.ts";

type Pool = NonNullable<ComposeIpam["config"]>[number];

/** A network or volume as the model of a project names it. */
export interface Definition<Kind> {
  readonly key: string;
  readonly definition: Kind;
  /** Whether the definition has the very config hash that the engine's label says; undefined without a label. */
  readonly exact?: boolean;
}

/**
 * What a project says of a network, from what the engine has. The engine does not tell what was asked for and what it chose
 * itself, the config hash does: the shortest definition that has it is taken, else the one without addresses, which the engine
 * chooses; `keepsAddresses` says that a container has a fixed address in it, so that they were asked for.
 */
export function networkDefinition(
  network: InspectedNetwork,
  project: string,
  keepsAddresses: boolean,
): Definition<ComposeNetwork> {
  const labels = network.Labels ?? {};
  const key = labels[COMPOSE_LABEL.network];
  if (labels[COMPOSE_LABEL.project] !== project || key === undefined)
    return { key: network.Name, definition: { name: network.Name, external: true } };
  const bare = compact<ComposeNetwork>({
    name: network.Name,
    driver_opts: filledMap(network.Options ?? {}),
    internal: network.Internal || undefined,
    attachable: network.Attachable || undefined,
    labels: filledMap(withoutOurs(labels)),
    enable_ipv6: network.EnableIPv6 || undefined,
    enable_ipv4: network.EnableIPv4 === false ? false : undefined,
  });
  const { Driver: driver } = network;
  const named: Partial<ComposeNetwork>[] = driver ? [{}, { driver }] : [{}];
  const candidates = ipamCandidates(network).flatMap((ipam) =>
    named.map((more): ComposeNetwork => ({ ...bare, ...more, ipam })),
  );
  const hash = labels[COMPOSE_LABEL.configHash];
  const exact = candidates.find((candidate) => networkConfigHash(candidate) === hash);
  if (exact !== undefined) return { key, definition: exact, exact: true };
  const usual: ComposeNetwork = {
    ...bare,
    ...(driver && driver !== "bridge" ? { driver } : {}),
    ipam: keepsAddresses ? { config: poolsOf(network) } : {},
  };
  return { key, definition: usual, ...(hash === undefined ? {} : { exact: false }) };
}

export function volumeDefinition(volume: InspectedVolume, project: string): Definition<ComposeVolume> {
  const labels = volume.Labels ?? {};
  const key = labels[COMPOSE_LABEL.volume];
  if (labels[COMPOSE_LABEL.project] !== project || key === undefined)
    return { key: volume.Name, definition: { name: volume.Name, external: true } };
  const definition = compact<ComposeVolume>({
    name: volume.Name,
    driver: volume.Driver && volume.Driver !== "local" ? volume.Driver : undefined,
    driver_opts: filledMap(volume.Options ?? {}),
    labels: filledMap(withoutOurs(labels)),
  });
  const hash = labels[COMPOSE_LABEL.configHash];
  return { key, definition, ...(hash === undefined ? {} : { exact: volumeConfigHash(definition) === hash }) };
}

/** From nothing asked for to all addresses that the engine shows. */
function ipamCandidates(network: InspectedNetwork): ComposeIpam[] {
  const pools = poolsOf(network);
  const withoutGateway = pools.map(({ gateway: _gateway, ...pool }) => pool);
  const configs: ComposeIpam[] = pools.length === 0 ? [{}] : [{}, { config: withoutGateway }, { config: pools }];
  const { Driver: driver } = network.IPAM ?? {};
  const drivers: ComposeIpam[] = driver ? [{}, { driver }] : [{}];
  return configs.flatMap((config) => drivers.map((more) => ({ ...more, ...config })));
}

function poolsOf(network: InspectedNetwork): Pool[] {
  return (network.IPAM?.Config ?? []).map((pool) =>
    compact<Pool>({
      subnet: pool.Subnet || undefined,
      gateway: pool.Gateway || undefined,
      ip_range: pool.IPRange || undefined,
      aux_addresses: filledMap(pool.AuxiliaryAddresses ?? {}),
    }),
  );
}
