import { createGathering, field, type Clock, type Database, type Log } from "../platform/index.ts";
import type { AgentReleases, WantedAgent } from "./ports.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";

/** Tells agents what they are to become, when that differs from what they were told last. */
export interface AgentPush {
  /** Says "look again"; coalesced per session, never throws. */
  push(hostId: string): void;
  /** The session is the host's now: what came for it while nobody had it is told. */
  claimed(session: Session): void;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  releases: AgentReleases;
  registry: SessionRegistry;
}

// Nobody says it a second time: a look that failed is repeated for as long as the session is open.
const RETRY_MS = 5_000;
const HOSTS_AT_ONCE = 250;
// An update that began between the transaction that opened a session and the session's own registration: moments lie between them.
const MISSED_KEPT_MS = 60_000;
// Every control plane hears of every host; more than a fleet that is begun at once is not kept.
const MISSED_MOST = 20_000;

export function createAgentPush(parts: Parts): AgentPush {
  const { database, clock, log, releases, registry } = parts;
  const queued = new WeakSet<Session>();
  /** Host → until when it is remembered that something came for it. */
  const missed = new Map<string, number>();
  const look = createGathering<Session, WantedAgent | undefined>({
    lineOf: (session) => session.identity.organizationId,
    keyOf: (session) => session.sessionId,
    limit: HOSTS_AT_ONCE,
    work: async (organizationId, sessions) => {
      // Taken off the queue before the look: a change during it asks for another look.
      for (const session of sessions) queued.delete(session);
      const hostIds = sessions.map((session) => session.identity.hostId);
      return database.inOrganization(organizationId, (tx) => releases.wantedOf(tx, hostIds), { readOnly: true });
    },
  });

  async function tell(session: Session): Promise<void> {
    const wanted = await look(session);
    if (session.state === "open" && !session.awaitingApproval) tellAgent(session, wanted);
  }

  function pushTo(session: Session): void {
    if (queued.has(session) || session.state === "ended" || session.awaitingApproval) return;
    queued.add(session);
    tell(session).catch((error: unknown) => {
      queued.delete(session);
      log.warn({ err: error, [field.hostId]: session.identity.hostId }, "An agent could not be told its release yet.");
      clock.sleep(RETRY_MS, session.signal).then(
        () => pushTo(session),
        () => undefined,
      );
    });
  }

  function remember(hostId: string): void {
    const now = clock.monotonicMs();
    for (const [known, until] of missed) {
      if (until > now && missed.size < MISSED_MOST) break;
      missed.delete(known);
    }
    missed.delete(hostId);
    missed.set(hostId, now + MISSED_KEPT_MS);
  }

  return {
    push: (hostId) => {
      const session = registry.find(hostId);
      if (session === undefined) remember(hostId);
      else pushTo(session);
    },
    claimed: (session) => {
      if (missed.delete(session.identity.hostId)) pushTo(session);
    },
  };
}

/** Sends what the agent is to become unless it was told that already; nothing at all to one that was never told anything. */
export function tellAgent(session: Session, wanted: WantedAgent | undefined): void {
  const told = wanted?.updateId ?? "";
  if (told === session.toldAgent) return;
  if (session.send({ $case: "desiredAgent", value: wanted ?? NOTHING_WANTED })) session.toldAgent = told;
}

const NOTHING_WANTED: WantedAgent = {
  updateId: "",
  version: "",
  commit: "",
  releaseId: "",
  sums: new Uint8Array(),
  signature: new Uint8Array(),
  files: [],
  proveSeconds: 0,
  stableSeconds: 0,
  permit: new Uint8Array(),
  permitSignature: new Uint8Array(),
};
