import type { Rollout as RolloutMessage, RolloutsServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type EventBus,
  type UnitOfWork,
} from "../platform/index.ts";
import { isEnded, type RolloutState } from "./model.ts";
import type { RolloutSight } from "./ports.ts";
import { STABLE_SECONDS, type RolloutsService, type StartedRollout } from "./service.ts";
import { listRollouts, readRollout } from "./store.ts";
import { countHosts, countsOf, readHosts } from "./store-hosts.ts";
import { listenForTouches } from "./touches.ts";
import { hostMessage, rolloutMessage } from "./wire.ts";

export function rolloutsHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly service: RolloutsService;
  readonly sight: RolloutSight;
}): Handlers<typeof RolloutsServiceService> {
  const { database, clock, bus, service, sight } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });

  const whole = (caller: Caller, rolloutId: string): Promise<{ message: RolloutMessage; state: RolloutState }> =>
    read(caller, async (tx) => {
      const rollout = await readRollout(tx, rolloutId, "look");
      if (rollout === undefined) {
        throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no rollout ${rolloutId}` });
      }
      const hosts = await readHosts(tx, rolloutId);
      const ids = hosts.map((host) => host.hostId);
      const work = await sight.workOf(tx, rollout.stackId, ids);
      return { message: messageOf({ rollout, hosts, work }), state: rollout.state };
    });

  async function* watch(caller: Caller, rolloutId: string, signal: AbortSignal): AsyncGenerator<RolloutMessage> {
    const touches = listenForTouches({ bus, clock }, rolloutId, signal);
    let shown = "";
    try {
      for (;;) {
        const { message, state } = await whole(caller, rolloutId);
        const text = JSON.stringify(message);
        if (text !== shown) yield message;
        shown = text;
        if (isEnded(state) || !(await touches.next(message.hosts.length))) return;
      }
    } finally {
      touches.stop();
    }
  }

  return {
    createRollout: async (request, { caller }) => {
      const { stackId, revision, maxParallel, failureBudget, healthGate, recreateVolumes } = request;
      const stableSeconds = healthGate?.stableSeconds ?? STABLE_SECONDS;
      const deadlineSeconds = healthGate?.deadlineSeconds ?? 0;
      const settings = { maxParallel, failureBudget, stableSeconds, deadlineSeconds, recreateVolumes };
      return messageOf(await service.create(caller, { stackId, revision, ...settings }));
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
    cancelRollout: async (request, { caller }) => {
      const rollout = await service.cancel(caller, request.rolloutId, request.reason);
      return (await whole(caller, rollout.id)).message;
    },
    planRollout: notYet,
    pauseRollout: notYet,
    resumeRollout: notYet,
    approveWave: notYet,
    retryRollout: notYet,
    rollBackRollout: notYet,
    watchRollout: (request, { caller, signal }) => watch(caller, request.rolloutId, signal),
  };
}

const notYet = async (): Promise<never> => {
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: "this version does not do it yet" });
};

function messageOf({ rollout, hosts, work }: StartedRollout): RolloutMessage {
  const messages = hosts.map((host) => hostMessage(host, work.get(host.hostId)));
  return rolloutMessage(rollout, countsOf(hosts), messages);
}
