import { canonicalJson, COMPOSE_LABEL, type DesiredWorld, ownerOf, reconstructProject } from "@windflow/core";
import type { ProjectReply, ProjectRequest } from "@windflow/proto/agent";
import type { AdoptEngine } from "./engine.ts";
import { reasonOf } from "../platform/log.ts";

export interface ProjectParts {
  readonly engine: Pick<AdoptEngine, "inspectProject">;
  /** What the host must run now; may throw when it cannot be read. */
  desired(): DesiredWorld | undefined;
}

/** What the containers of a compose project come to; of one that is ours only when that is asked for. What goes wrong is part of the answer. */
export async function projectReply(request: ProjectRequest, parts: ProjectParts): Promise<ProjectReply> {
  const { requestId, project } = request;
  const refused = (problem: string): ProjectReply => ({
    requestId,
    modelJson: new Uint8Array(),
    containerIds: [],
    notes: [],
    problem,
  });
  try {
    const ours = request.own ? undefined : parts.desired()?.stacks.find((stack) => stack.project === project);
    if (ours !== undefined) return refused(`the project ${project} is the stack ${ours.stackName} already`);
    const found = await parts.engine.inspectProject(project);
    if (found.containers.length === 0)
      return refused(`this host has no containers of a compose project named ${project}`);
    const own = found.containers.find((container) => ownerOf(container.Config.Labels ?? {}) !== undefined);
    if (own !== undefined && !request.own) {
      const name = own.Config.Labels?.[COMPOSE_LABEL.service] ?? own.Name;
      return refused(`a container of the project ${project} (service ${name}) was made by WindFlow`);
    }
    const { model, containerIds, notes } = reconstructProject(found);
    return {
      requestId,
      modelJson: Buffer.from(canonicalJson(model)),
      containerIds: [...containerIds],
      notes: notes.map((note) => ({ ...note })),
      problem: "",
    };
  } catch (error) {
    return refused(reasonOf(error));
  }
}
