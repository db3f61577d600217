import { COMPOSE_LABEL } from "@windflow/core";
import type { ObservedContainer } from "@windflow/proto/agent";
import type { Project, ProjectService } from "@windflow/proto/api";
import { listProjects, type ObservedProject } from "../containers/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { stackNamesTaken } from "../stacks/index.ts";

export interface ProjectsQuery {
  readonly hostId: string;
  readonly text: string;
  readonly after?: { readonly project: string; readonly hostId: string };
  readonly limit: number;
}

/** Compose projects on hosts that are no stack's, by name, then host. */
export async function discoveredProjects(
  tx: UnitOfWork,
  query: ProjectsQuery,
): Promise<{ projects: Project[]; total: number }> {
  const { projects, total } = await listProjects(tx, query);
  const hostIds = [...new Set(projects.map(({ hostId }) => hostId))];
  const hosts = hostIds.length === 0 ? [] : await listHostSummaries(tx, { hostIds });
  const names = new Map(hosts.map((host) => [host.hostId, host.name]));
  const taken = await stackNamesTaken(tx, [...new Set(projects.map(({ project }) => project))]);
  return {
    total,
    projects: projects.map((found) => projectOf(found, names.get(found.hostId) ?? "", taken)),
  };
}

/** The folder that docker compose was started in, as it noted on the containers; empty when they do not agree. */
export function workingDirectoryOf(containers: readonly ObservedContainer[]): string {
  return agreed(containers, COMPOSE_LABEL.workingDirectory);
}

function projectOf(found: ObservedProject, hostName: string, taken: ReadonlySet<string>): Project {
  const { hostId, project, containers } = found;
  const own = containers.filter(({ labels }) => labels[COMPOSE_LABEL.oneOff] !== "True");
  const configFiles = agreed(own, COMPOSE_LABEL.configFiles);
  return {
    hostId,
    hostName,
    project,
    services: servicesOf(own),
    workingDirectory: workingDirectoryOf(own),
    configFiles: configFiles === "" ? [] : configFiles.split(","),
    composeVersion: agreed(own, COMPOSE_LABEL.version),
    stackWithItsName: taken.has(project) ? project : "",
  };
}

function servicesOf(containers: readonly ObservedContainer[]): ProjectService[] {
  const byService = Map.groupBy(containers, ({ labels, service }) => service || (labels[COMPOSE_LABEL.service] ?? ""));
  return [...byService]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, members]) => ({
      service,
      image: members[0]?.image ?? "",
      containersRunning: members.filter(({ state }) => state === "running").length,
      containersTotal: members.length,
    }));
}

function agreed(containers: readonly ObservedContainer[], label: string): string {
  const values = new Set(containers.map(({ labels }) => labels[label] ?? ""));
  const [value = ""] = values;
  return values.size === 1 ? value : "";
}
