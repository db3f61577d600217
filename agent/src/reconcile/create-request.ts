import {
  COMPOSE_LABEL,
  containerName,
  healRuleOf,
  serviceConfigHash,
  sortedEntries,
  type ComposeService,
  type CreateContainer,
  type DesiredStack,
} from "@windflow/core";
import type { CreateContainerRequest, NetworkAttachment } from "./engine.ts";

/** What a create step could not know when it was planned. */
export interface CreateFacts {
  readonly imageId: string;
  /** Service → id of the container whose namespaces or volumes are shared. */
  readonly shares: Readonly<Record<string, string>>;
  /** The service with its secrets in place. */
  readonly service: ComposeService;
  /** Source of a bind mount in the model → where it is on this host. */
  readonly bindSources: Readonly<Record<string, string>>;
}

/** The request for a container, from its step, its stack and what has become known since. */
export function createRequest(step: CreateContainer, stack: DesiredStack, facts: CreateFacts): CreateContainerRequest {
  const planned = stack.model.services[step.service] ?? facts.service;
  const hash = serviceConfigHash(planned, { containerId: (service) => facts.shares[service] });
  return {
    name: step.name,
    imageId: facts.imageId,
    // Labels can be read by everyone who may list containers, so they keep the placeholders.
    service: {
      ...withPolicy(stack, step.service, facts.service),
      ...(planned.labels === undefined ? {} : { labels: planned.labels }),
    },
    labels: {
      ...step.labels,
      [COMPOSE_LABEL.image]: facts.imageId,
      ...(hash === undefined ? {} : { [COMPOSE_LABEL.configHash]: hash }),
    },
    networks: attachments(stack, step.slot, step.service, planned),
    bindSources: facts.bindSources,
    volumeNames: volumeNames(stack),
    inherited: step.inherited,
    shares: facts.shares,
    links: linksOf(stack, planned),
  };
}

// Its hash stays that of the model: whether the agent or the engine starts it again is no setting of the service.
function withPolicy(stack: DesiredStack, name: string, service: ComposeService): ComposeService {
  if (healRuleOf(stack, name) === undefined) return service;
  const { restart: _restart, ...rest } = service;
  if (rest.deploy?.restart_policy === undefined) return { ...rest, restart: "no" };
  const { restart_policy: _policy, ...deploy } = rest.deploy;
  return { ...rest, deploy, restart: "no" };
}

export function attachments(
  stack: DesiredStack,
  slot: string,
  serviceName: string,
  service: ComposeService,
): NetworkAttachment[] {
  return sortedEntries(service.networks).map(([key]) => ({
    key,
    name: stack.model.networks?.[key]?.name ?? `${stack.project}_${key}`,
    aliases: [slot, serviceName],
  }));
}

function volumeNames(stack: DesiredStack): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stack.model.volumes ?? {}).map(([key, volume]) => [key, volume.name ?? `${stack.project}_${key}`]),
  );
}

function linksOf(stack: DesiredStack, service: ComposeService): string[] {
  const internal = (service.links ?? []).map((link) => {
    const [name = "", alias = name] = link.split(":");
    return `${containerName(stack.project, name, 1, stack.model.services[name]?.container_name)}:${alias}`;
  });
  const external = (service.external_links ?? []).map((link) => (link.includes(":") ? link : `${link}:${link}`));
  return [...internal, ...external];
}
