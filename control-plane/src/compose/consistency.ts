import type { ComposeModel, ComposeService } from "@windflow/core";
import { findDependencyCycle } from "./cycles.ts";
import { checkSettings } from "./consistency-settings.ts";
import { errorAt, type KeyPath, type Position, type Problem, type Refuse } from "./problem.ts";

export interface ConsistencyInput {
  readonly model: ComposeModel;
  /** Services of inactive profiles. */
  readonly inactive: ReadonlySet<string>;
  readonly locate: (path: KeyPath) => Position;
  readonly report: (problem: Problem) => void;
}

/** Checks that what the parts of a model say of each other holds: references, exclusions, circles. */
export function checkConsistency({ model, inactive, locate, report }: ConsistencyInput): void {
  const refuse: Refuse = (code, path, explanation) => {
    report(errorAt(code, locate(path), path, explanation));
  };
  for (const [name, service] of Object.entries(model.services)) {
    checkSource(name, service, refuse);
    checkContexts(name, service, model, refuse);
    checkReferences(name, service, model, refuse);
    checkDependencies(name, service, model, inactive, refuse);
    checkSettings(name, service, refuse);
  }
  checkContainerNames(model, refuse);
  for (const [name, secret] of Object.entries(model.secrets ?? {})) {
    if (secret.external === true || secret.file !== undefined || secret.environment !== undefined) continue;
    refuse("WF_COMPOSE_CONFLICT", ["secrets", name], {
      what: `the secret "${name}" has no content`,
      why: "it declares neither file nor environment",
      fix: "add file or environment, or mark it external",
    });
  }
  const cycle = findDependencyCycle(model.services);
  if (cycle === undefined) return;
  refuse("WF_COMPOSE_CYCLE", ["services", cycle[0] ?? "", "depends_on", cycle[1] ?? ""], {
    what: "services wait for each other in a circle",
    why: cycle.length > 20 ? `${cycle.slice(0, 20).join(" → ")} → …` : cycle.join(" → "),
    fix: "remove one depends_on of the circle",
  });
}

function checkSource(name: string, service: ComposeService, refuse: Refuse): void {
  const path = ["services", name];
  if (service.build === undefined && service.image === undefined && service.provider === undefined) {
    refuse("WF_COMPOSE_CONFLICT", path, {
      what: `the service "${name}" has neither an image nor a build`,
      why: "there is nothing to run",
      fix: "add image: the image to run",
    });
  }
  const { build } = service;
  if (build === undefined) return;
  if (build.dockerfile !== undefined && build.dockerfile_inline !== undefined) {
    refuse("WF_COMPOSE_CONFLICT", [...path, "build", "dockerfile_inline"], {
      what: "dockerfile and dockerfile_inline stand together",
      why: "there can be one Dockerfile",
      fix: "keep one of them",
    });
  }
  const platforms = build.platforms ?? [];
  if (service.platform !== undefined && platforms.length > 0 && !platforms.includes(service.platform)) {
    refuse("WF_COMPOSE_CONFLICT", [...path, "build", "platforms"], {
      what: `the platform ${service.platform} is not built`,
      why: "build.platforms does not list the platform that the service runs on",
      fix: `add ${service.platform} to build.platforms`,
    });
  }
}

function checkContexts(name: string, service: ComposeService, model: ComposeModel, refuse: Refuse): void {
  for (const [key, context] of Object.entries(service.build?.additional_contexts ?? {})) {
    if (!context.startsWith("service:")) continue;
    const other = context.slice("service:".length);
    const built = Object.hasOwn(model.services, other) ? model.services[other]?.build : undefined;
    if (built !== undefined) continue;
    refuse("WF_COMPOSE_REFERENCE", ["services", name, "build", "additional_contexts", key], {
      what: `the build context "${key}" comes from the service "${other}", which is not built`,
      why: Object.hasOwn(model.services, other) ? "it has no build" : "no service has that name",
      fix: "name a service with a build, or use docker-image://",
    });
  }
}

function checkReferences(name: string, service: ComposeService, model: ComposeModel, refuse: Refuse): void {
  const path = ["services", name];
  const demand = (section: keyof typeof NOUNS, key: string, at: KeyPath): void => {
    // In a service's networks, docker compose takes a name that begins with x- for an extension and finds no network.
    const extension = section === "networks" && key.startsWith("x-");
    if (Object.hasOwn(model[section] ?? {}, key) && !extension) return;
    refuse("WF_COMPOSE_REFERENCE", at, {
      what: `the service "${name}" uses the undefined ${NOUNS[section]} "${key}"`,
      why: extension
        ? "a name that begins with x- is an extension here"
        : `the top-level ${section} does not define it`,
      fix: extension
        ? "choose another name for the network"
        : `add "${key}" below ${section} at the top level, or correct the name`,
    });
  };
  for (const key of Object.keys(service.networks ?? {})) demand("networks", key, [...path, "networks", key]);
  for (const key of Object.keys(service.models ?? {})) demand("models", key, [...path, "models", key]);
  for (const [i, { type, source }] of (service.volumes ?? []).entries()) {
    if (type === "volume" && source !== undefined) demand("volumes", source, [...path, "volumes", i]);
  }
  for (const [i, { source }] of (service.build?.secrets ?? []).entries()) {
    demand("secrets", source, [...path, "build", "secrets", i]);
  }
  for (const [i, { source }] of (service.configs ?? []).entries()) {
    demand("configs", source, [...path, "configs", i]);
  }
  for (const [i, { source }] of (service.secrets ?? []).entries()) {
    demand("secrets", source, [...path, "secrets", i]);
  }
}

const NOUNS = {
  networks: "network",
  volumes: "volume",
  secrets: "secret",
  configs: "config",
  models: "model",
} as const;

function checkDependencies(
  name: string,
  service: ComposeService,
  model: ComposeModel,
  inactive: ReadonlySet<string>,
  refuse: Refuse,
): void {
  for (const [other, dependency] of Object.entries(service.depends_on ?? {})) {
    if (Object.hasOwn(model.services, other)) continue;
    const disabled = inactive.has(other);
    if (disabled && !dependency.required) continue;
    refuse("WF_COMPOSE_REFERENCE", ["services", name, "depends_on", other], {
      what: `the service "${name}" depends on the undefined service "${other}"`,
      why: disabled ? `"${other}" belongs to a profile that is not active` : "no service has that name",
      fix: disabled ? "activate the profile, or set required: false" : "correct the name",
    });
  }
}

function checkContainerNames(model: ComposeModel, refuse: Refuse): void {
  const taken = new Map<string, string>();
  for (const [name, { container_name: containerName }] of Object.entries(model.services)) {
    if (containerName === undefined) continue;
    const other = taken.get(containerName);
    if (other !== undefined) {
      refuse("WF_COMPOSE_CONFLICT", ["services", name, "container_name"], {
        what: `the container name "${containerName}" is taken`,
        why: `the service "${other}" has it already, and it is unique on its host`,
        fix: "choose another name, or leave it out",
      });
    }
    taken.set(containerName, name);
  }
}
