import type { AdoptionServiceService, Stack as StackMessage } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import type { Caller, Database } from "../platform/index.ts";
import { requireStack, sourceOf, stackMessage, type StackStanding } from "../stacks/index.ts";
import type { AdoptionService } from "./adopt.ts";
import { discoveredProjects } from "./projects.ts";

export function adoptionHandlers(parts: {
  readonly database: Database;
  readonly service: AdoptionService;
  readonly standing: StackStanding;
}): Handlers<typeof AdoptionServiceService> {
  const { database, service, standing } = parts;
  const stackOf = (caller: Caller, stackId: string): Promise<StackMessage> =>
    database.inOrganization(
      caller,
      async (tx) => {
        const stack = await requireStack(tx, stackId, "look");
        const statuses = await standing.statusOf(tx, [stackId], "hosts");
        const active = await standing.activeRollouts(tx, [stackId]);
        return stackMessage(stack, { status: statuses.get(stackId), activeRolloutId: active.get(stackId) ?? "" });
      },
      { readOnly: true },
    );
  return {
    listProjects: async (request, { caller }) => {
      const { hostId, filter } = request;
      const query = { list: "projects", hostId, filter };
      const page = readPage(request.page, query);
      const [project, afterHost] = (page.after ?? []).map(String);
      const after = project === undefined || afterHost === undefined ? {} : { after: { project, hostId: afterHost } };
      const wanted = { hostId, text: filter, limit: page.size + 1, ...after };
      const found = await database.inOrganization(caller, (tx) => discoveredProjects(tx, wanted), { readOnly: true });
      const { rows, nextPageToken } = pageOf(found.projects, page, query, (row) => [row.project, row.hostId]);
      return { projects: [...rows], nextPageToken, total: found.total };
    },
    reconstructProject: async ({ hostId, project }, { caller, signal }) => {
      const { composeFile, model, notes } = await service.reconstruct(caller, { hostId, project }, signal);
      return { composeFile, model: model as unknown as Record<string, unknown>, notes: [...notes] };
    },
    adoptProject: async (request, { caller, signal }) => {
      const { hostId, project, stackName, acceptChanges, validateOnly } = request;
      const source = request.source === undefined ? undefined : sourceOf(request.source);
      const wanted = { hostId, project, stackName, source, acceptChanges, validateOnly };
      const { adopted, plan, problems } = await service.adopt(caller, wanted, signal);
      return {
        stack: adopted && (await stackOf(caller, adopted.stackId)),
        rolloutId: adopted?.rolloutId ?? "",
        plan,
        problems: [...problems],
      };
    },
  };
}
