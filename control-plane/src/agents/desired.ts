import { createGathering, field, type Clock, type Database, type Log } from "../platform/index.ts";
import type { DesiredStateOfHost, DesiredStatePort } from "./ports.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";
import { sameGeneration } from "./wire.ts";

/** Tells hosts what to run, when that differs from what they were told last. */
export interface DesiredPush {
  /** Says "look again"; coalesced per session, never throws. */
  push(hostId: string): void;
  /** The same for a session that is not the host's registered one yet. */
  pushTo(session: Session): void;
  /** Resolves when every host that is to be told has been, or after a while: undefined when nobody waits for a word. */
  told(): Promise<void> | undefined;
}

interface Parts {
  database: Database;
  clock: Clock;
  desired: DesiredStatePort;
  registry: SessionRegistry;
  log: Log;
}

// Nobody says it a second time: a look that failed is repeated for as long as the session is open.
const RETRY_MS = 5_000;

// One question for all hosts that a rollout has changed at once; small enough that the first of them are told while the next
// are asked for.
const HOSTS_AT_ONCE = 250;
// Ten thousand hosts are told within this on two processors; who reports meanwhile waits no longer.
const LONGEST_TELLING_MS = 3_000;

export function createDesiredPush(parts: Parts): DesiredPush {
  const { database, clock, desired, registry, log } = parts;
  const queued = new WeakSet<Session>();
  let telling = 0;
  let silence = Promise.withResolvers<void>();
  const look = createGathering<Session, DesiredStateOfHost>({
    lineOf: (session) => session.identity.organizationId,
    keyOf: (session) => session.sessionId,
    limit: HOSTS_AT_ONCE,
    work: async (organizationId, sessions) => {
      // Taken off the queue before the look: a change during it asks for another look.
      for (const session of sessions) queued.delete(session);
      const hostIds = sessions.map((session) => session.identity.hostId);
      return database.inOrganization(organizationId, (tx) => desired.desiredStatesFor(tx, hostIds), { readOnly: true });
    },
  });

  async function tell(session: Session): Promise<void> {
    const wanted = await look(session);
    if (session.state !== "open" || session.awaitingApproval) return;
    if (session.toldGeneration !== undefined && sameGeneration(session.toldGeneration, wanted.generation)) return;
    const { term, n } = wanted.generation;
    const sent = session.send({ $case: "desiredState", value: { generation: { term, n }, stacks: wanted.stacks } });
    if (!sent) return;
    session.toldGeneration = wanted.generation;
    log.info(
      { [field.hostId]: session.identity.hostId, generation: `${term}.${n}`, [field.count]: wanted.stacks.length },
      "A desired state was sent.",
    );
  }

  function pushTo(session: Session): void {
    if (queued.has(session) || session.state === "ended" || session.awaitingApproval) return;
    queued.add(session);
    telling++;
    tell(session)
      .catch((error: unknown) => lookLater(session, error))
      .finally(() => {
        if (--telling > 0) return;
        silence.resolve();
        silence = Promise.withResolvers<void>();
      });
  }

  function lookLater(session: Session, error: unknown): void {
    queued.delete(session);
    log.warn(
      { err: error, [field.hostId]: session.identity.hostId },
      "A desired state could not be sent; it is tried again.",
    );
    clock.sleep(RETRY_MS, session.signal).then(
      () => pushTo(session),
      () => undefined,
    );
  }

  return {
    pushTo,
    push: (hostId) => {
      const session = registry.find(hostId);
      if (session !== undefined) pushTo(session);
    },
    told: () => {
      if (telling <= HOSTS_AT_ONCE) return undefined;
      return Promise.race([silence.promise, clock.sleep(LONGEST_TELLING_MS)]);
    },
  };
}
