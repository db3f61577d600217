import type { Drift as DriftMessage, DriftServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import type { Caller, Database } from "../platform/index.ts";
import { readStackNames } from "../stacks/index.ts";
import type { AcceptDrift } from "./accept.ts";
import type { Drift } from "./model.ts";
import type { DriftService } from "./service.ts";
import { driftMessage, noteMessage } from "./wire.ts";

export function driftHandlers(parts: {
  readonly database: Database;
  readonly service: DriftService;
  readonly accept: AcceptDrift;
}): Handlers<typeof DriftServiceService> {
  const { database, service, accept } = parts;
  const messages = (caller: Caller, drifts: readonly Drift[]): Promise<DriftMessage[]> =>
    database.inOrganization(
      caller,
      async (tx) => {
        const hostIds = [...new Set(drifts.map((drift) => drift.hostId))];
        const hosts = new Map((await listHostSummaries(tx, { hostIds })).map((host) => [host.hostId, host.name]));
        const stacks = await readStackNames(tx, [...new Set(drifts.map((drift) => drift.stackId))]);
        return drifts.map((drift) => {
          const stackName = stacks.get(drift.stackId) ?? "";
          return driftMessage(drift, { stackName, hostName: hosts.get(drift.hostId) ?? "" });
        });
      },
      { readOnly: true },
    );
  return {
    listDrifts: async (request, { caller }) => {
      const { stackId, hostId, ended } = request;
      const query = { list: "drifts", stackId, hostId, ended };
      const page = readPage(request.page, query);
      const [at, id] = page.after ?? [];
      const before = typeof at === "string" && typeof id === "string" ? { foundAt: new Date(at), id } : undefined;
      const wanted = { stackId, hostId, ended, limit: page.size + 1, ...(before === undefined ? {} : { before }) };
      const { drifts, open } = await service.list(caller, wanted);
      const { rows, nextPageToken } = pageOf(drifts, page, query, (drift) => [drift.foundAt.toISOString(), drift.id]);
      return { drifts: await messages(caller, rows), nextPageToken, open };
    },
    correctDrift: async ({ driftId }, { caller }) => {
      const [message] = await messages(caller, [await service.correct(caller, driftId)]);
      if (message === undefined) throw new Error("a drift that was corrected has no message");
      return message;
    },
    acceptDrift: async ({ driftId, message }, { caller, signal }) => {
      const { revision, notes } = await accept(caller, { driftId, message }, signal);
      return { revision, notes: notes.map(noteMessage) };
    },
  };
}
