import { hostChanged, hostPresenceChanged, hostRevoked } from "../hosts/index.ts";
import { createLevelWork, type Database, type EventBus, type Log } from "../platform/index.ts";
import { windowsChanged } from "../windows/index.ts";
import { advanceUpdate, type AdvanceParts } from "./advance.ts";
import { agentHeard, updateOpened } from "./events.ts";
import { isUpdateEnded } from "./model.ts";
import { readOpenOfHosts } from "./store-hosts.ts";
import { readOpenUpdates } from "./store.ts";

export interface UpdateWorker {
  /** Takes up every update under way: after a crash it goes on from what the database says. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Parts extends AdvanceParts {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Log;
}

/** Keeps updates of agents going; several replicas may try at once, as with rollouts. */
export function createUpdateWorker(parts: Parts): UpdateWorker {
  const { database, bus, clock, log } = parts;
  const stops: (() => void)[] = [];
  const work = createLevelWork({
    clock,
    log,
    area: "updates",
    advance: async (updateId, organizationId) => {
      const advanced = await database.inOrganization(organizationId, (tx) => advanceUpdate(tx, updateId, parts));
      return advanced === undefined || isUpdateEnded(advanced.update.state) ? "ended" : advanced.wakeAt;
    },
    readOpen: (dueBy) => database.asSystem((tx) => readOpenUpdates(tx, dueBy), { readOnly: true }),
    readOfSubjects: (organizationId, hostIds) =>
      database.inOrganization(organizationId, (tx) => readOpenOfHosts(tx, hostIds), { readOnly: true }),
  });
  return {
    start: async () => {
      for (const type of [agentHeard, hostPresenceChanged, hostRevoked, hostChanged]) {
        const heard = (event: { organizationId: string; hostId: string }): void =>
          work.heard(event.organizationId, event.hostId);
        stops.push(bus.on<{ organizationId: string; hostId: string }>(type, heard));
      }
      stops.push(bus.on(updateOpened, ({ updateId, organizationId }) => work.look(updateId, organizationId)));
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
