import type { ObservedContainer } from "./observed.ts";

/** Labels by which `docker compose` finds what belongs to a project. */
export const COMPOSE_LABEL = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
  oneOff: "com.docker.compose.oneoff",
  configHash: "com.docker.compose.config-hash",
  image: "com.docker.compose.image",
  dependsOn: "com.docker.compose.depends_on",
  version: "com.docker.compose.version",
  workingDirectory: "com.docker.compose.project.working_dir",
  configFiles: "com.docker.compose.project.config_files",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
} as const;

/** Labels that make a container, network or volume ours. */
export const WINDFLOW_LABEL = {
  organization: "dev.windflow.organization",
  stack: "dev.windflow.stack",
  stackName: "dev.windflow.stack-name",
  /** The revision that created it; a later one that changes nothing keeps it. */
  revision: "dev.windflow.revision",
  /** Short digest of each key of the service, so that a plan can name what changed. */
  parts: "dev.windflow.parts",
  /** The hooks that it was made with, to be run after its start and before its stop: JSON, secrets as placeholders. */
  postStart: "dev.windflow.post-start",
  preStop: "dev.windflow.pre-stop",
  /** Digest over the contents of the configs and secrets that were copied in. */
  files: "dev.windflow.files",
} as const;

/** The compose release whose config-hash formula and labels are followed. */
export const COMPOSE_VERSION = "2.40.3";

export interface Owner {
  readonly organizationId: string;
  readonly stackId: string;
}

/** Whose it is, by our labels; undefined for anything that WindFlow did not make. */
export function ownerOf(labels: Readonly<Record<string, string>>): Owner | undefined {
  const organizationId = labels[WINDFLOW_LABEL.organization];
  const stackId = labels[WINDFLOW_LABEL.stack];
  return organizationId && stackId ? { organizationId, stackId } : undefined;
}

/** The revision that made it; undefined for what WindFlow did not make. */
export function revisionOf(labels: Readonly<Record<string, string>>): number | undefined {
  const revision = Number(labels[WINDFLOW_LABEL.revision]);
  return Number.isSafeInteger(revision) && revision > 0 ? revision : undefined;
}

export function serviceOf(container: ObservedContainer): string {
  return container.labels[COMPOSE_LABEL.service] ?? "";
}

/** 1 and up; 0 when the label is absent or no number. */
export function numberOf(container: ObservedContainer): number {
  const number = Number(container.labels[COMPOSE_LABEL.number]);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** Services that the container was created to depend on, from compose's `name:condition:restart,…` label. */
export function dependenciesInLabels(labels: Readonly<Record<string, string>>): string[] {
  return (labels[COMPOSE_LABEL.dependsOn] ?? "")
    .split(",")
    .map((entry) => entry.split(":")[0] ?? "")
    .filter((name) => name !== "");
}

export function containerName(project: string, service: string, number: number, fixed: string | undefined): string {
  return fixed ?? `${project}-${service}-${number}`;
}
