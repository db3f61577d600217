import { field, type Clock, type Database, type Log } from "../platform/index.ts";
import type { DesiredStateOfHost, DesiredStatePort } from "./ports.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";
import { encodedDesiredState, generationText, sameGeneration } from "./wire.ts";

/** Tells hosts what to run, when that differs from what they were told last. */
export interface DesiredPush {
  /** Says "look again"; coalesced per session, never throws. */
  push(hostId: string): void;
  /** The same for a session that is not the host's registered one yet. */
  pushTo(session: Session): void;
  /** A session of the host is in the making: what is pushed from now on goes to nobody, or to the one before it. */
  opening(hostId: string): PushesMeanwhile;
  /** Pushes may have been missed: those in the making look again, too. */
  missedSome(): void;
  /** Resolves when every host that is to be told has been, or after a while: undefined when nobody waits for a word. */
  told(): Promise<void> | undefined;
}

/** What was pushed to a host while a session of it was in the making. */
export interface PushesMeanwhile {
  missed(): boolean;
  stop(): void;
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

// One question for all hosts that a change concerns at once. What they share is read and encoded once; small enough that the first
// of them are told while the next are asked for, and that nobody else waits long: those of one question are told in one go.
const HOSTS_AT_ONCE = 500;
// So many at once are a fleet that is being told something, and not some hosts of a wave.
const A_FLEET = 250;
// Ten thousand hosts are told within this on two processors; who reports meanwhile waits no longer.
const LONGEST_TELLING_MS = 3_000;

export function createDesiredPush(parts: Parts): DesiredPush {
  const { database, clock, desired, registry, log } = parts;
  const queued = new WeakSet<Session>();
  /** Host → its sessions in the making. */
  const openings = new Map<string, Set<{ missed: boolean }>>();
  let telling = 0;
  let toldHosts = 0;
  let silence = Promise.withResolvers<void>();
  /** Organization → sessions that wait for their look. One promise for all of them: ten thousand would outlive the young ones' collections. */
  const lines = new Map<string, Session[]>();

  async function workOff(organizationId: string, line: Session[]): Promise<void> {
    // Whom a change concerns is pushed in one go: the first is not asked for alone.
    await Promise.resolve();
    while (line.length > 0) await tellTogether(organizationId, line.splice(0, HOSTS_AT_ONCE));
    lines.delete(organizationId);
  }

  async function tellTogether(organizationId: string, sessions: readonly Session[]): Promise<void> {
    // Taken off the queue before the look: a change during it asks for another look.
    for (const session of sessions) queued.delete(session);
    const hostIds = sessions.map((session) => session.identity.hostId);
    try {
      const wanted = await database.inOrganization(organizationId, (tx) => desired.desiredStatesFor(tx, hostIds), {
        readOnly: true,
      });
      for (const [index, session] of sessions.entries()) tell(session, wanted[index]);
    } catch (error) {
      for (const session of sessions) lookLater(session, error);
    }
    telling -= sessions.length;
    if (telling === 0) fellSilent();
  }

  function tell(session: Session, wanted: DesiredStateOfHost | undefined): void {
    if (wanted === undefined || session.state !== "open" || session.awaitingApproval) return;
    if (session.toldGeneration !== undefined && sameGeneration(session.toldGeneration, wanted.generation)) return;
    const { generation, stacks } = wanted;
    if (!session.sendEncoded(encodedDesiredState(generation, stacks))) return;
    session.toldGeneration = generation;
    toldHosts++;
    const told = { [field.hostId]: session.identity.hostId, generation: generationText(generation) };
    log.debug({ ...told, [field.count]: stacks.length }, "A desired state was sent.");
  }

  /** One line for all that were told together: of a fleet nobody reads ten thousand. */
  function fellSilent(): void {
    if (toldHosts > 0) log.info({ [field.count]: toldHosts }, "Desired states were sent.");
    toldHosts = 0;
    silence.resolve();
    silence = Promise.withResolvers<void>();
  }

  function pushTo(session: Session): void {
    if (queued.has(session) || session.state === "ended" || session.awaitingApproval) return;
    queued.add(session);
    telling++;
    const { organizationId } = session.identity;
    const line = lines.get(organizationId);
    if (line !== undefined) return void line.push(session);
    const own = [session];
    lines.set(organizationId, own);
    workOff(organizationId, own).catch((error: unknown) => log.error({ err: error }, "Hosts could not be told."));
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
    opening: (hostId) => {
      const own = { missed: false };
      const all = openings.get(hostId) ?? new Set();
      openings.set(hostId, all.add(own));
      return {
        missed: () => own.missed,
        stop: () => {
          all.delete(own);
          if (all.size === 0 && openings.get(hostId) === all) openings.delete(hostId);
        },
      };
    },
    missedSome: () => {
      for (const all of openings.values()) for (const one of all) one.missed = true;
    },
    push: (hostId) => {
      for (const one of openings.get(hostId) ?? []) one.missed = true;
      const session = registry.find(hostId);
      if (session !== undefined) pushTo(session);
    },
    told: () => {
      if (telling <= A_FLEET) return undefined;
      return Promise.race([silence.promise, clock.sleep(LONGEST_TELLING_MS)]);
    },
  };
}
