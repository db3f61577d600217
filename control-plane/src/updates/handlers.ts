import type {
  AgentUpdate as AgentUpdateMessage,
  AgentUpdatesServiceService,
  CreateAgentUpdateRequest,
} from "@windflow/proto/api";
import { pageOf, readPage, type Handlers, type Page } from "../api/index.ts";
import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type EventBus,
  type UnitOfWork,
} from "../platform/index.ts";
import { listenFor } from "../rollouts/index.ts";
import { updateTouched } from "./events.ts";
import { listReleases } from "./list-releases.ts";
import { isUpdateEnded } from "./model.ts";
import type { ReleaseCatalog } from "./releases.ts";
import type { UpdatesService, WantedUpdate } from "./service.ts";
import { countHosts, countMatching, listHosts } from "./store-hosts.ts";
import { listUpdates, readUpdate, type StoredUpdate } from "./store.ts";
import { askedStrategy } from "./strategy.ts";
import { hostMessage, hostStateOf, planMessage, updateMessage } from "./wire.ts";

export function updatesHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly service: UpdatesService;
  readonly catalog: ReleaseCatalog;
}): Handlers<typeof AgentUpdatesServiceService> {
  const { database, clock, bus, service, catalog } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });

  const whole = (caller: Caller, updateId: string): Promise<{ message: AgentUpdateMessage; update: StoredUpdate }> =>
    read(caller, async (tx) => {
      const update = await required(tx, updateId);
      const counts = (await countHosts(tx, [updateId])).get(updateId) ?? [];
      return { message: updateMessage(update, counts), update };
    });
  const after = async (caller: Caller, done: Promise<StoredUpdate>): Promise<AgentUpdateMessage> =>
    (await whole(caller, (await done).id)).message;

  async function* watch(caller: Caller, updateId: string, signal: AbortSignal): AsyncGenerator<AgentUpdateMessage> {
    const touches = listenFor({ bus, clock }, updateTouched, (event) => event.updateId === updateId, signal);
    let shown = "";
    try {
      for (;;) {
        const from = clock.monotonicMs();
        const { message, update } = await whole(caller, updateId);
        const text = JSON.stringify(message);
        if (text !== shown) yield message;
        shown = text;
        const more =
          !isUpdateEnded(update.state) && (await touches.next(message.hostsTotal, clock.monotonicMs() - from));
        if (!more) return;
      }
    } finally {
      touches.stop();
    }
  }

  return {
    listAgentReleases: async (_request, { caller }) => {
      const found = await catalog.list();
      return { releases: await read(caller, (tx) => listReleases(tx, caller.organizationId, found)) };
    },
    planAgentUpdate: async (request, { caller }) => planMessage(await service.preview(caller, wantedOf(request))),
    createAgentUpdate: (request, { caller }) => after(caller, service.create(caller, wantedOf(request))),
    getAgentUpdate: async (request, { caller }) => (await whole(caller, request.updateId)).message,
    watchAgentUpdate: (request, { caller, signal }) => watch(caller, request.updateId, signal),
    listAgentUpdates: async (request, { caller }) => {
      const query = { list: "agent-updates" };
      const page = readPage(request.page, query);
      const before = page.after === undefined ? {} : { before: String(page.after[0]) };
      return read(caller, async (tx) => {
        const found = await listUpdates(tx, { limit: page.size + 1, ...before });
        const { rows, nextPageToken } = pageOf(found, page, query, (update) => [update.id]);
        const counts = await countHosts(
          tx,
          rows.map((update) => update.id),
        );
        return { updates: rows.map((update) => updateMessage(update, counts.get(update.id) ?? [])), nextPageToken };
      });
    },
    listAgentUpdateHosts: async (request, { caller }) => {
      const { updateId, wave, nameContains } = request;
      const states = request.states.flatMap((state) => hostStateOf(state) ?? []);
      const query = { list: "agent-update-hosts", updateId, wave, nameContains, states: states.toSorted().join() };
      const page = readPage(request.page, query);
      return read(caller, async (tx) => {
        await required(tx, updateId);
        const filter = { updateId, states, wave, nameContains };
        const found = await listHosts(tx, filter, { limit: page.size + 1, after: sortValuesOf(page.after) });
        const { rows, nextPageToken } = pageOf(found, page, query, (host) => [host.wave, host.hostName, host.hostId]);
        return { hosts: rows.map(hostMessage), nextPageToken, total: await countMatching(tx, filter) };
      });
    },
    pauseAgentUpdate: ({ updateId, reason }, { caller }) => after(caller, service.pause(caller, updateId, reason)),
    resumeAgentUpdate: ({ updateId }, { caller }) => after(caller, service.resume(caller, updateId)),
    approveAgentUpdateWave: ({ updateId, wave }, { caller }) => after(caller, service.approve(caller, updateId, wave)),
    retryAgentUpdate: ({ updateId, reason }, { caller }) => after(caller, service.retry(caller, updateId, reason)),
    cancelAgentUpdate: ({ updateId, reason }, { caller }) => after(caller, service.cancel(caller, updateId, reason)),
  };
}

async function required(tx: UnitOfWork, updateId: string): Promise<StoredUpdate> {
  const update = await readUpdate(tx, updateId, "look");
  if (update !== undefined) return update;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no update ${updateId}` });
}

function wantedOf(request: CreateAgentUpdateRequest): WantedUpdate {
  const { releaseId, filter, hostIds, reason, ignoreWindows, permit } = request;
  return { releaseId, filter, hostIds, reason, ignoreWindows, permit, strategy: askedStrategy(request.strategy) };
}

function sortValuesOf(after: Page["after"]): readonly [number, string, string] | undefined {
  const [wave, name, id] = after ?? [];
  return typeof wave === "number" && typeof name === "string" && typeof id === "string" ? [wave, name, id] : undefined;
}
