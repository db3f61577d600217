import type { BuildEvent, BuildsServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import type { Caller } from "../platform/index.ts";
import type { BuildsService } from "./service.ts";
import { buildMessage, eventMessage } from "./wire.ts";

export function buildsHandlers({
  service,
}: {
  readonly service: BuildsService;
}): Handlers<typeof BuildsServiceService> {
  async function* watch(caller: Caller, buildId: string, signal: AbortSignal): AsyncGenerator<BuildEvent> {
    let last = 0n;
    for await (const watched of service.watch(caller, buildId, signal)) {
      const event = eventMessage(watched, last);
      last = event.sequence;
      yield event;
    }
  }
  return {
    startBuild: async (request, { caller }) => buildMessage(await service.start(caller, request)),
    getBuild: async (request, { caller }) => buildMessage(await service.get(caller, request.buildId)),
    listBuilds: async (request, { caller }) => {
      const { stackId } = request;
      const query = { list: "builds", stackId };
      const page = readPage(request.page, query);
      const before = page.after === undefined ? {} : { before: String(page.after[0]) };
      const found = await service.list(caller, { stackId, limit: page.size + 1, ...before });
      const { rows, nextPageToken } = pageOf(found, page, query, (build) => [build.id]);
      return { builds: rows.map(buildMessage), nextPageToken };
    },
    watchBuild: (request, { caller, signal }) => watch(caller, request.buildId, signal),
    cancelBuild: async (request, { caller }) => buildMessage(await service.cancel(caller, request.buildId)),
  };
}
