import { sha256Hex } from "../digest/sha256.ts";
import { goJson } from "./go-json.ts";
import { NETWORK_SHAPE, SERVICE_SHAPE, VOLUME_SHAPE } from "./hash-shape.ts";
import type { ComposeNetwork, ComposeVolume } from "./model.ts";
import type { ComposeService } from "./model-service.ts";

export interface ServiceHashOptions {
  /** Id of the container that stands for another service of the project; needed for `network_mode: service:X`, ipc, pid and volumes_from. */
  readonly containerId?: (serviceName: string) => string | undefined;
  /** The `com.docker.compose.version` label of the container to compare with; the newest formula without it. */
  readonly composeVersion?: string;
}

/**
 * The value of docker compose's label `com.docker.compose.config-hash` for a service, byte for byte as `docker compose up` computes it,
 * so that it finds our containers unchanged. Each version has its formula: from 2.31 on it is the same up to 5.5, 2.30 keeps the
 * profiles, 2.24 to 2.29 the dependencies too, and 2.15 to 2.23 write one replica instead of none.
 * @returns undefined when that version's formula is unknown (older than 2.15) or a container that the hash depends on does not exist yet.
 */
export function serviceConfigHash(service: ComposeService, options: ServiceHashOptions = {}): string | undefined {
  const formula = formulaOf(options.composeVersion);
  if (formula === undefined) return undefined;
  const resolved = resolveSharedContainers(service, options.containerId);
  if (resolved === undefined) return undefined;
  const { build: _build, pull_policy: _pull, scale: _scale, ...rest } = resolved;
  const hashed: Record<string, unknown> = { ...rest };
  if (!formula.profiles) delete hashed["profiles"];
  if (!formula.dependsOn) delete hashed["depends_on"];
  if (rest.deploy !== undefined) {
    const { replicas: _replicas, ...deploy } = rest.deploy;
    hashed["deploy"] = deploy;
  }
  if (formula.oneReplica) {
    hashed["scale"] = 1;
    // Go writes these two also when nothing is in them.
    hashed["deploy"] = { resources: {}, placement: {}, ...rest.deploy, replicas: 1 };
  }
  return sha256Hex(goJson(hashed, SERVICE_SHAPE));
}

/** The config-hash label of a network. Compose before 2.31 sets none, and a network without one counts as unchanged. */
export function networkConfigHash(network: ComposeNetwork): string {
  return sha256Hex(goJson({ ...network, ipam: network.ipam ?? {} }, NETWORK_SHAPE));
}

/** The config-hash label of a volume. Compose before 2.32 sets none, and a volume without one counts as unchanged. */
export function volumeConfigHash(volume: ComposeVolume): string {
  return sha256Hex(goJson({ ...volume, driver: volume.driver ?? "local" }, VOLUME_SHAPE));
}

interface Formula {
  readonly profiles: boolean;
  readonly dependsOn: boolean;
  readonly oneReplica: boolean;
}

/** @param version such as `2.40.3`, `v2.26.1` or `2.24.6+ds1-0ubuntu2`; the newest without it */
function formulaOf(version: string | undefined): Formula | undefined {
  const match = /^v?(\d+)\.(\d+)/.exec(version ?? "2.31");
  if (match === null) return undefined;
  const minor = Number(match[1]) * 1000 + Number(match[2]);
  if (minor < 2015) return undefined;
  return { profiles: minor < 2031, dependsOn: minor < 2030, oneReplica: minor < 2024 };
}

function resolveSharedContainers(
  service: ComposeService,
  containerId: ServiceHashOptions["containerId"],
): ComposeService | undefined {
  const resolved: ComposeService = { ...service };
  for (const key of ["network_mode", "ipc", "pid"] as const) {
    const other = /^service:(.*)$/.exec(service[key] ?? "")?.[1];
    if (other === undefined) continue;
    const id = containerId?.(other);
    if (id === undefined) return undefined;
    resolved[key] = `container:${id}`;
  }
  if (service.volumes_from === undefined) return resolved;
  const from: string[] = [];
  for (const spec of service.volumes_from) {
    const [name = "", container] = spec.split(":");
    // The access mode is dropped here because docker compose drops it too.
    const id = name === "container" ? container : containerId?.(name);
    if (id === undefined) return undefined;
    from.push(id);
  }
  return { ...resolved, volumes_from: from };
}
