import type {
  Rollout as RolloutMessage,
  RolloutHost as RolloutHostMessage,
  RolloutsServiceService,
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
import { countHosts, countsOf } from "./counts.ts";
import { isEnded, type RolloutState } from "./model.ts";
import type { RolloutSight } from "./ports.ts";
import type { Preview } from "./preview.ts";
import type { RolloutsService, StartedRollout } from "./service.ts";
import { askedStrategy } from "./service-strategy.ts";
import { listRollouts, readRollout, type StoredRollout } from "./store.ts";
import { countMatching, listHosts, readForemost, type HostSortValues, type StoredRolloutHost } from "./store-hosts.ts";
import { listenForTouches } from "./touches.ts";
import { hostMessage, hostStateOf, rolloutMessage } from "./wire.ts";

// What a page shows without paging; a watch of it stays a small message however large the fleet is.
const HOSTS_IN_A_MESSAGE = 1_000;

export function rolloutsHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly service: RolloutsService;
  readonly sight: RolloutSight;
  readonly preview: Preview;
}): Handlers<typeof RolloutsServiceService> {
  const { database, clock, bus, service, sight, preview } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });

  const whole = (caller: Caller, rolloutId: string): Promise<{ message: RolloutMessage; state: RolloutState }> =>
    read(caller, async (tx) => {
      const rollout = await readRollout(tx, rolloutId, "look");
      if (rollout === undefined) throw noRollout(rolloutId);
      const hosts = await readForemost(tx, rolloutId, HOSTS_IN_A_MESSAGE);
      const counts = (await countHosts(tx, [rolloutId])).get(rolloutId) ?? countsOf([]);
      const messages = await hostMessages(tx, rollout.stackId, hosts);
      return { message: rolloutMessage(rollout, counts, messages), state: rollout.state };
    });
  const hostMessages = async (
    tx: UnitOfWork,
    stackId: string,
    hosts: readonly StoredRolloutHost[],
  ): Promise<RolloutHostMessage[]> => {
    const ids = hosts.map((host) => host.hostId);
    const work = await sight.workOf(tx, stackId, ids);
    return hosts.map((host) => hostMessage(host, work.get(host.hostId)));
  };

  const after = async (caller: Caller, done: Promise<StoredRollout>): Promise<RolloutMessage> =>
    (await whole(caller, (await done).id)).message;

  async function* watch(caller: Caller, rolloutId: string, signal: AbortSignal): AsyncGenerator<RolloutMessage> {
    const touches = listenForTouches({ bus, clock }, rolloutId, signal);
    let shown = "";
    try {
      for (;;) {
        const from = clock.monotonicMs();
        const { message, state } = await whole(caller, rolloutId);
        const text = JSON.stringify(message);
        if (text !== shown) yield message;
        shown = text;
        if (isEnded(state) || !(await touches.next(message.hosts.length, clock.monotonicMs() - from))) return;
      }
    } finally {
      touches.stop();
    }
  }

  return {
    createRollout: async (request, { caller }) => {
      const { stackId, revision, recreateVolumes, reason, ignoreWindows, overrideLocalHolds } = request;
      const wanted = { stackId, revision, recreateVolumes, reason, ignoreWindows, overrideLocalHolds };
      return messageOf(await service.create(caller, { ...wanted, strategy: askedStrategy(request) }));
    },
    getRollout: async (request, { caller }) => (await whole(caller, request.rolloutId)).message,
    listRollouts: async (request, { caller }) => {
      const query = { list: "rollouts", stackId: request.stackId };
      const page = readPage(request.page, query);
      const before = page.after === undefined ? {} : { before: String(page.after[0]) };
      return read(caller, async (tx) => {
        const found = await listRollouts(tx, { stackId: request.stackId, limit: page.size + 1, ...before });
        const { rows, nextPageToken } = pageOf(found, page, query, (rollout) => [rollout.id]);
        const ids = rows.map((rollout) => rollout.id);
        const counts = await countHosts(tx, ids);
        return {
          rollouts: rows.map((row) => rolloutMessage(row, counts.get(row.id) ?? countsOf([]), [])),
          nextPageToken,
        };
      });
    },
    cancelRollout: (request, { caller }) => after(caller, service.cancel(caller, request.rolloutId, request.reason)),
    pauseRollout: (request, { caller }) => after(caller, service.pause(caller, request.rolloutId, request.reason)),
    resumeRollout: (request, { caller }) => after(caller, service.resume(caller, request.rolloutId)),
    approveWave: (request, { caller }) => after(caller, service.approve(caller, request.rolloutId, request.wave)),
    retryRollout: (request, { caller }) => after(caller, service.retry(caller, request.rolloutId, request.hostIds)),
    rollBackRollout: (request, { caller }) =>
      after(caller, service.rollBack(caller, request.rolloutId, request.reason)),
    planRollout: (request, { caller, signal }) => preview.plan(caller, request, signal),
    listRolloutHosts: async (request, { caller }) => {
      const { rolloutId, wave, nameContains } = request;
      const states = request.states.flatMap((state) => hostStateOf(state) ?? []);
      const query = { list: "rollout-hosts", rolloutId, wave, nameContains, states: states.toSorted().join() };
      const page = readPage(request.page, query);
      const after = sortValuesOf(page.after);
      return read(caller, async (tx) => {
        const rollout = await readRollout(tx, rolloutId, "look");
        if (rollout === undefined) throw noRollout(rolloutId);
        const filter = { rolloutId, states, wave, nameContains };
        const found = await listHosts(tx, filter, { limit: page.size + 1, ...(after === undefined ? {} : { after }) });
        const { rows, nextPageToken } = pageOf(found, page, query, (host) => [host.wave, host.hostName, host.hostId]);
        const total = await countMatching(tx, filter);
        return { hosts: await hostMessages(tx, rollout.stackId, rows), nextPageToken, total };
      });
    },
    watchRollout: (request, { caller, signal }) => watch(caller, request.rolloutId, signal),
  };
}

function messageOf({ rollout, hosts, work }: StartedRollout): RolloutMessage {
  const messages = hosts.slice(0, HOSTS_IN_A_MESSAGE).map((host) => hostMessage(host, work.get(host.hostId)));
  return rolloutMessage(rollout, countsOf(hosts), messages);
}

function noRollout(rolloutId: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no rollout ${rolloutId}` });
}

function sortValuesOf(after: Page["after"]): HostSortValues | undefined {
  const [wave, name, id] = after ?? [];
  return typeof wave === "number" && typeof name === "string" && typeof id === "string" ? [wave, name, id] : undefined;
}
