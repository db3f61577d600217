import { hostChanged, hostPresenceChanged, hostRevoked } from "../hosts/index.ts";
import { createLevelWork, type Database, type EventBus, type EventType, type Log } from "../platform/index.ts";
import { windowsChanged } from "../windows/index.ts";
import { advanceRollout, type AdvanceParts } from "./advance.ts";
import { rolloutOpened, rolloutsHeard, rolloutTouched } from "./events.ts";
import { isEnded } from "./model.ts";
import { readOpenOfHosts, readOpenRollouts } from "./store.ts";

export interface RolloutWorker {
  /** Takes up every rollout under way: after a crash it goes on from what the database says. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Parts extends AdvanceParts {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Log;
  /** A host's report was stored: higher domains own that event. */
  readonly hostObserved: EventType<{ organizationId: string; hostId: string }>;
}

/**
 * Keeps rollouts going. What happens is decided and written by `advanceRollout` in one transaction that holds the rollout's row:
 * several replicas may try at once, and the database gives the row free when a process dies. A lease in time would be slower to take
 * over and no safer.
 */
export function createRolloutWorker(parts: Parts): RolloutWorker {
  const { database, bus, clock, log } = parts;
  const stops: (() => void)[] = [];
  const work = createLevelWork({
    clock,
    log,
    area: "rollouts",
    advance: async (rolloutId, organizationId) => {
      const advanced = await database.inOrganization(organizationId, (tx) => advanceRollout(tx, rolloutId, parts));
      return advanced === undefined || isEnded(advanced.rollout.state) ? "ended" : advanced.wakeAt;
    },
    readOpen: async (dueBy) => {
      const open = await database.asSystem((tx) => readOpenRollouts(tx, dueBy), { readOnly: true });
      return open.map(({ rolloutId, organizationId }) => ({ id: rolloutId, organizationId }));
    },
    readOfSubjects: (organizationId, hostIds) =>
      database.inOrganization(organizationId, (tx) => readOpenOfHosts(tx, hostIds), { readOnly: true }),
    // Its services may be another step on although the rollout is not.
    onHeard: (rolloutId, organizationId) =>
      bus.deliver({ name: rolloutTouched.name, payload: { organizationId, rolloutId } }),
  });

  return {
    start: async () => {
      for (const type of [parts.hostObserved, hostPresenceChanged, hostRevoked, hostChanged, rolloutsHeard]) {
        const heard = (event: { organizationId: string; hostId: string }): void =>
          work.heard(event.organizationId, event.hostId);
        stops.push(bus.on<{ organizationId: string; hostId: string }>(type, heard));
      }
      stops.push(bus.on(rolloutOpened, ({ rolloutId, organizationId }) => work.look(rolloutId, organizationId)));
      stops.push(bus.on(windowsChanged, ({ organizationId }) => work.lookAtOrganization(organizationId)));
      stops.push(bus.onGap(() => work.lookAtOpen()));
      await work.start();
    },
    stop: async () => {
      for (const stop of stops) stop();
      await work.stop();
    },
  };
}
