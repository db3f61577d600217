import type { ComposeModel, ComposeService } from "@windflow/core";

export interface ProfiledModel {
  readonly model: ComposeModel;
  /** Services of inactive profiles, which are not part of the model. */
  readonly inactive: ReadonlySet<string>;
}

/** Leaves out the services of which no profile is active. `*` activates all. */
export function selectProfiles(model: ComposeModel, profiles: readonly string[]): ProfiledModel {
  const active = new Set(profiles);
  const isActive = ({ profiles: wanted = [] }: ComposeService): boolean =>
    wanted.length === 0 || active.has("*") || wanted.some((profile) => active.has(profile));
  const all = Object.entries(model.services);
  return {
    model: { ...model, services: Object.fromEntries(all.filter(([, service]) => isActive(service))) },
    inactive: new Set(all.flatMap(([name, service]) => (isActive(service) ? [] : [name]))),
  };
}

const SECTIONS = ["networks", "volumes", "secrets", "configs"] as const;

/**
 * Leaves out networks, volumes, secrets and configs that no service of the model uses, and the top-level models: docker compose
 * prints none, and what a service needs of them stands in the service.
 */
export function dropUnused(model: ComposeModel): ComposeModel {
  const used = usedBy(Object.values(model.services));
  const { models: _models, ...rest } = model;
  const kept: Record<string, unknown> = rest;
  for (const section of SECTIONS) {
    const resources = model[section];
    if (resources === undefined) continue;
    const entries = Object.entries(resources).filter(([key]) => used[section].has(key));
    if (entries.length === 0) delete kept[section];
    else kept[section] = Object.fromEntries(entries);
  }
  return kept as unknown as ComposeModel;
}

function usedBy(services: readonly ComposeService[]): Record<(typeof SECTIONS)[number], Set<string>> {
  const used = {
    networks: new Set<string>(),
    volumes: new Set<string>(),
    secrets: new Set<string>(),
    configs: new Set<string>(),
  };
  for (const service of services) {
    for (const key of Object.keys(service.networks ?? {})) used.networks.add(key);
    for (const { source } of service.configs ?? []) used.configs.add(source);
    for (const { source } of [...(service.secrets ?? []), ...(service.build?.secrets ?? [])]) {
      used.secrets.add(source);
    }
    for (const { type, source } of service.volumes ?? []) {
      if (type === "volume" && source !== undefined) used.volumes.add(source);
    }
  }
  return used;
}
