import type { KeyObject } from "node:crypto";
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";
import type { Hello } from "@windflow/proto/agent";
import { closeHostSessions, hostsErrors, type ClosedSession, type HostIdentities } from "../hosts/index.ts";
import type { LinkBook } from "../links/index.ts";
import {
  commonErrors,
  createGathering,
  field,
  ProblemError,
  takeEach,
  type Clock,
  type Database,
  type ErrorCode,
  type Log,
  type NewId,
} from "../platform/index.ts";
import type { DesiredPush, PushesMeanwhile } from "./desired.ts";
import { tellAgent, type AgentPush } from "./desired-agent.ts";
import type { Dispatch } from "./dispatch.ts";
import { agentsErrors } from "./errors.ts";
import { helloRefusal } from "./hello.ts";
import { intervals, returnWithinMs, type LiveViews } from "./intervals.ts";
import type { Leases } from "./leases.ts";
import type { LinkPush } from "./links.ts";
import { afterOpening } from "./after-opening.ts";
import { createOpening } from "./opening.ts";
import { createPace } from "./pace.ts";
import type { AgentReleases, DesiredStatePort, RegisteredHooks } from "./ports.ts";
import type { SessionRegistry } from "./registry.ts";
import type { SitePush } from "./site-push.ts";
import { createSession, type Session } from "./session.ts";
import { encodedDesiredState, generationFromWire, sameGeneration, type ReceivedFrame } from "./wire.ts";

/** One session from its first to its last frame; gives encoded ControlFrames. */
export type Connect = (
  frames: AsyncIterable<ReceivedFrame>,
  connection: {
    peerCertificate: Uint8Array | undefined;
    remoteAddress: string;
    signal: AbortSignal;
    /** Called when the session is open, or will not be. */
    settled: () => void;
  },
) => AsyncIterable<Buffer>;

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  newId: NewId;
  replicaId: string;
  identities: HostIdentities;
  desired: DesiredStatePort;
  releases: AgentReleases;
  agentPush: AgentPush;
  hooks: Pick<RegisteredHooks, "confirmed">;
  desiredPush: DesiredPush;
  dispatch: Dispatch;
  leases: Leases;
  links: LinkBook;
  linkPush: LinkPush;
  sitePush: Pick<SitePush, "welcomed">;
  live: LiveViews;
  registry: SessionRegistry;
  /** `bytes` of randomness. */
  random: (bytes: number) => Uint8Array;
  rootsPem: () => string;
  /** Aborts when the control plane stops. */
  stopping: AbortSignal;
}

interface Greeting {
  settled: () => void;
  /** What Hello is to be signed with. */
  takeKey: () => KeyObject | Uint8Array;
}

const NONCE_BYTES = 32;
// As long as the agent waits for Welcome: a slow link and a full handshake queue take their time.
const HELLO_PATIENCE_MS = 30_000;
// A host needs one session, and two while the newer replaces the older; an agent that reconnects too eagerly needs a few.
const SESSIONS_PER_HOST = 16;
// A switch that restarts ends thousands at once.
const ENDS_AT_ONCE = 500;
// A database that is away comes back within seconds, or somebody is at work on it.
const UNAVAILABLE_RETRY_MS = 5_000;
// One click ends it, and somebody waits to see that it did; there are few such hosts.
const QUARANTINE_RETRY_MS = 20_000;
// Keys, a certificate and a few files: an agent that does not know how, or cannot, is sent away after this long.
const REENROLL_PATIENCE_MS = 60_000;
const CLONE_REASON =
  "this machine has the identity of another one; it becomes a host of its own, and what it runs goes on";

export function createConnect(parts: Parts): Connect {
  const { database, clock, log, registry, leases, dispatch } = parts;
  const openSession = createOpening(parts);
  const noteEnd = createGathering<ClosedSession & { organizationId: string }, void>({
    lineOf: (ended) => ended.organizationId,
    keyOf: (ended) => ended.hostId,
    limit: ENDS_AT_ONCE,
    work: async (organizationId, ended) => {
      const at = { organizationId, now: clock.now() };
      await database.inOrganization(organizationId, (tx) => closeHostSessions(tx, at, ended));
      return ended.map(() => undefined);
    },
  });
  const sessions = new Map<string, number>();
  // Not each a listener of the signal: adding one walks through all that are there, and there are ten thousand.
  const stops = new Set<() => void>();
  parts.stopping.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });

  /** Counts the sessions of a host that have not ended. A call whose link is dead may outlive its session and does not count. */
  function begin(hostId: string): () => void {
    const count = (sessions.get(hostId) ?? 0) + 1;
    if (count > SESSIONS_PER_HOST) {
      const detail = `The host has ${SESSIONS_PER_HOST} sessions in the making already.`;
      throw new ProblemError({ code: agentsErrors.WF_HOST_BUSY, detail });
    }
    sessions.set(hostId, count);
    return () => {
      const left = (sessions.get(hostId) ?? 1) - 1;
      if (left > 0) sessions.set(hostId, left);
      else sessions.delete(hostId);
    };
  }

  function read(session: Session, frames: AsyncIterable<ReceivedFrame>, greeting: Greeting): Promise<void> {
    const pace = createPace(clock.monotonicMs());
    return takeEach(frames, (received) => {
      const pauseMs = pace.pauseMs(clock.monotonicMs());
      if (pauseMs <= 0) return take(session, received, greeting);
      // A host that floods is read more slowly, down to its own connection; the others do not notice.
      return clock.sleep(pauseMs, session.signal).then(() => take(session, received, greeting));
    });
  }

  /** False when the session is over. */
  function take(session: Session, received: ReceivedFrame, greeting: Greeting): boolean | Promise<boolean> {
    if (session.state === "ended") return false;
    if (!received.readable) {
      dispatch.refuse(session, 0n, agentsErrors.WF_FRAME_UNREADABLE, received.reason);
      return true;
    }
    const { frame } = received;
    session.received(frame);
    leases.heard(session.identity.hostId, session.skew.milliseconds);
    if (session.state === "open") dispatch.handle(session, frame);
    else if (frame.kind?.$case === "hello")
      return greet(session, frame.kind.value, greeting.takeKey())
        .finally(greeting.settled)
        .then(() => true);
    else dispatch.refuse(session, frame.id, agentsErrors.WF_FRAME_UNEXPECTED, "Nothing is taken before Hello.");
    return true;
  }

  async function greet(session: Session, hello: Hello, publicKey: KeyObject | Uint8Array): Promise<void> {
    if (!session.move({ type: "hello" })) return;
    const { hostId } = session.identity;
    const refusal = helloRefusal(hello, { nonce: session.nonce, hostId, publicKey });
    if (refusal !== undefined) {
      return session.end("refused", {
        code: agentsErrors[refusal.code],
        message: refusal.message,
        retryAfterMs: refusal.retryAfterMs,
      });
    }
    try {
      await welcome(session, hello);
    } catch (error) {
      refuseOpening(session, error);
    }
  }

  async function welcome(session: Session, hello: Hello): Promise<void> {
    const pushes = parts.desiredPush.opening(session.identity.hostId);
    try {
      await openAndTell(session, hello, pushes);
    } finally {
      pushes.stop();
    }
  }

  async function openAndTell(session: Session, hello: Hello, pushes: PushesMeanwhile): Promise<void> {
    const { organizationId, hostId } = session.identity;
    const opening = await openSession(session, hello);
    if (opening === "quarantined") return session.end("quarantined", quarantinedGoodbye);
    if ("token" in opening) return becomeOwn(session, opening.token);
    session.epoch = opening.epoch;
    session.awaitingApproval = opening.awaitingApproval;
    session.toldGeneration = generationFromWire(hello.generation);
    const { metered } = opening.link;
    session.link = { digest: hello.linkDigest, metered };
    const opened = { organizationId, hostId, enrolledAt: opening.enrolledAt, metered };
    if (session.state === "ended") {
      // The link broke meanwhile, and its end had no epoch to write yet: without this the host would be online for ever.
      if (registry.find(hostId) === undefined) leases.opened(opened);
      return close(session);
    }
    if (!registry.claim(session) || !session.move({ type: "welcomed" })) return;
    leases.opened(opened);
    session.send({
      $case: "welcome",
      value: {
        epoch: opening.epoch,
        intervals: intervals(parts.live.isLive(hostId), metered),
        generation: opening.desired?.generation,
        spoolAcked: opening.spoolAcknowledged,
        trustedRoots: parts.rootsPem(),
        awaitingApproval: opening.awaitingApproval,
        serverTime: clock.now(),
        wantsObserved: opening.wantsObserved,
        returnWithinMs: returnWithinMs(leases.size),
      },
    });
    log.info(
      { [field.hostId]: hostId, [field.sessionId]: session.sessionId, epoch: String(opening.epoch) },
      "A session was opened.",
    );
    if (opening.agentUpdate !== undefined) {
      tellAgent(session, opening.wantedAgent);
      dispatch.greeted(session, hello, opening.agentUpdate.attempt);
    }
    parts.agentPush.claimed(session);
    parts.linkPush.welcomed(session, opening.link);
    parts.sitePush.welcomed(session, hello.peerAddress);
    const { desired } = opening;
    if (desired === undefined) return;
    if (!sameGeneration(session.toldGeneration, desired.generation)) {
      session.sendEncoded(encodedDesiredState(desired.generation, desired.stacks));
      session.toldGeneration = desired.generation;
    }
    // What changed between that transaction and the claim was pushed to nobody.
    if (pushes.missed()) parts.desiredPush.pushTo(session);
  }

  /** The host's own session is not touched. The agent leaves by itself, to come back as the host that it has become. */
  function becomeOwn(session: Session, token: string): void {
    const { hostId } = session.identity;
    log.info(
      { [field.hostId]: hostId, [field.remoteAddress]: session.remoteAddress },
      "A clone is asked to enrol anew.",
    );
    session.send({ $case: "reenroll", value: { token, reason: CLONE_REASON } });
    clock.sleep(REENROLL_PATIENCE_MS, session.signal).then(
      () => session.end("refused", { ...goodbyeOf(agentsErrors.WF_HOST_CLONE), retryAfterMs: QUARANTINE_RETRY_MS }),
      () => undefined,
    );
  }

  function refuseOpening(session: Session, error: unknown): void {
    if (session.state === "ended") return;
    if (!(error instanceof ProblemError))
      log.error({ err: error, [field.hostId]: session.identity.hostId }, "A session could not be opened.");
    const code = error instanceof ProblemError ? error.code : commonErrors.WF_INTERNAL;
    const message = error instanceof ProblemError ? error.detail : code.title;
    if (code.code === quarantinedGoodbye.code.code) return session.end("quarantined", quarantinedGoodbye);
    session.end("refused", { code, message, retryAfterMs: UNAVAILABLE_RETRY_MS });
  }

  /** Notes in the database that the session is over; a newer one is not touched. */
  async function close(session: Session): Promise<void> {
    registry.release(session);
    if (session.epoch === 0n) return;
    const { organizationId, hostId } = session.identity;
    if (registry.find(hostId) === undefined) leases.closed(hostId, session.endCause);
    const lastSeenAt = leases.lastSeenAt(hostId) ?? clock.now();
    const { epoch, endCause: cause } = session;
    await noteEnd({ organizationId, hostId, epoch, lastSeenAt, cause });
  }

  async function begun(
    frames: AsyncIterable<ReceivedFrame>,
    connection: Parameters<Connect>[1],
  ): Promise<AsyncIterator<Buffer>> {
    // Not the certificate, which nobody needs any more: the session goes on for weeks.
    const { signal, settled, remoteAddress } = connection;
    const { publicKey: fresh, ...identity } = await parts.identities.identify(connection.peerCertificate);
    requireRunning(parts.stopping);
    const release = begin(identity.hostId);
    const session = createSession({
      identity,
      remoteAddress,
      sessionId: parts.newId("ses"),
      nonce: parts.random(NONCE_BYTES),
      newRequestId: () => parts.newId("req"),
      clock,
      log,
    });
    session.signal.addEventListener("abort", release, { once: true });
    session.signal.addEventListener("abort", settled, { once: true });
    const onStop = (): void => session.end("shutting-down", goodbyeOf(agentsErrors.WF_SHUTTING_DOWN));
    stops.add(onStop);
    // Also while nothing is being sent: who waits in its queue hears of the broken link from nobody else.
    const onLost = (): void => session.end("link-lost");
    signal.addEventListener("abort", onLost, { once: true });
    if (signal.aborted) onLost();
    session.challengedAtMs = clock.now().getTime();
    session.send({
      $case: "challenge",
      value: {
        nonce: session.nonce,
        protocolMin: OLDEST_PROTOCOL_VERSION,
        protocolMax: PROTOCOL_VERSION,
        serverTime: clock.now(),
      },
    });
    // Not waited for: the reader ends with the call, which ends with these frames.
    let helloKey = fresh;
    const takeKey = (): KeyObject | Uint8Array => {
      const key = helloKey ?? identity.spki;
      helloKey = undefined;
      return key;
    };
    read(session, frames, { settled, takeKey }).then(onLost, onLost);
    const waiting = clock.sleep(HELLO_PATIENCE_MS, session.signal).then(
      () => session.state === "challenged" && session.end("refused", goodbyeOf(agentsErrors.WF_HELLO_MISSING)),
      () => undefined,
    );
    return session.frames(async () => {
      stops.delete(onStop);
      signal.removeEventListener("abort", onLost);
      session.end("link-lost");
      await close(session).catch((error: unknown) => {
        log.warn({ err: error, [field.hostId]: identity.hostId }, "The end of a session could not be written.");
      });
      await waiting;
    });
  }

  return (frames, connection) => afterOpening(() => begun(frames, connection));
}

function goodbyeOf(code: ErrorCode): { code: ErrorCode; message: string } {
  return { code, message: `${code.title}. ${code.fix}` };
}

function requireRunning(stopping: AbortSignal): void {
  if (stopping.aborted) throw new ProblemError({ code: agentsErrors.WF_SHUTTING_DOWN });
}

/** What a revoked host's sessions and streams are told. */
export const revokedGoodbye: { code: ErrorCode; message: string; doNotReturn: boolean } = {
  code: hostsErrors.WF_HOST_REVOKED,
  message: `${hostsErrors.WF_HOST_REVOKED.title}. ${hostsErrors.WF_HOST_REVOKED.fix}`,
  doNotReturn: true,
};

/** What both machines are told while a person has not decided which of them is the host. */
export const quarantinedGoodbye: { code: ErrorCode; message: string; retryAfterMs: number } = {
  code: agentsErrors.WF_HOST_QUARANTINED,
  message: `${agentsErrors.WF_HOST_QUARANTINED.title}. ${agentsErrors.WF_HOST_QUARANTINED.fix}`,
  retryAfterMs: QUARANTINE_RETRY_MS,
};
