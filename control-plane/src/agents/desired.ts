import { field, type Database, type Log } from "../platform/index.ts";
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
  desired: DesiredStatePort;
  registry: SessionRegistry;
  log: Log;
}

export function createDesiredPush(parts: Parts): DesiredPush {
  const { database, desired, registry, log } = parts;
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
    if (queued.has(session)) return;
    queued.add(session);
    // The lane logs what fails; the next change or the next session looks again.
    if (!session.lanes.control.add(() => tell(session))) queued.delete(session);
  }

  return {
    pushTo,
    push: (hostId) => {
      const session = registry.find(hostId);
      if (session !== undefined) pushTo(session);
    },
  };
}
