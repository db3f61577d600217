import { field, type Clock, type Database, type Log } from "../platform/index.ts";
import type { DesiredStatePort } from "./ports.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";
import { sameGeneration } from "./wire.ts";

/** Tells hosts what to run, when that differs from what they were told last. */
export interface DesiredPush {
  /** Says "look again"; coalesced per session, never throws. */
  push(hostId: string): void;
  /** The same for a session that is not the host's registered one yet. */
  pushTo(session: Session): void;
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

export function createDesiredPush(parts: Parts): DesiredPush {
  const { database, clock, desired, registry, log } = parts;
  const queued = new WeakSet<Session>();

  async function tell(session: Session): Promise<void> {
    // Taken off the queue before the look: a change during it asks for another look.
    queued.delete(session);
    if (session.state !== "open" || session.awaitingApproval) return;
    const { organizationId, hostId } = session.identity;
    const wanted = await database.inOrganization(organizationId, (tx) => desired.desiredStateFor(tx, hostId), {
      readOnly: true,
    });
    if (session.toldGeneration !== undefined && sameGeneration(session.toldGeneration, wanted.generation)) return;
    const { term, n } = wanted.generation;
    const sent = session.send({ $case: "desiredState", value: { generation: { term, n }, stacks: wanted.stacks } });
    if (!sent) return;
    session.toldGeneration = wanted.generation;
    log.info(
      { [field.hostId]: hostId, generation: `${term}.${n}`, [field.count]: wanted.stacks.length },
      "A desired state was sent.",
    );
  }

  function pushTo(session: Session): void {
    if (queued.has(session) || session.state === "ended") return;
    queued.add(session);
    const taken = session.lanes.control.add(() => tell(session).catch((error: unknown) => lookLater(session, error)));
    if (!taken) lookLater(session, new Error("too much work of the session waits"));
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
  };
}
