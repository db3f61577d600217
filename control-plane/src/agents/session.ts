import type { AgentFrame } from "@windflow/proto/agent";
import type { HostIdentity } from "../hosts/index.ts";
import { field, ProblemError, type Clock, type ErrorCode, type Log } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { createLane, type Lane } from "./lane.ts";
import { createOutbox } from "./outbox.ts";
import { createPending, type Pending } from "./pending.ts";
import {
  endSentences,
  nextSessionState,
  type SessionEnd,
  type SessionEvent,
  type SessionState,
} from "./session-state.ts";
import { createSkewMeter, type SkewMeter } from "./skew.ts";
import { encodedFrame, encodedKind, type DesiredGeneration, type ToAgent } from "./wire.ts";

/** One open connection of one host. */
export interface Session {
  readonly identity: HostIdentity;
  readonly remoteAddress: string;
  readonly sessionId: string;
  readonly nonce: Uint8Array;
  /** How far the host's clock is ahead, as its frames tell. */
  readonly skew: SkewMeter;
  /** When the nonce was sent, milliseconds since 1970. */
  challengedAtMs: number;
  readonly pending: Pending;
  /** Aborts when the session has ended. */
  readonly signal: AbortSignal;
  readonly lanes: { readonly spool: Lane; readonly observed: Lane; readonly control: Lane };
  readonly state: SessionState;
  /** 0 until Welcome. */
  epoch: bigint;
  /** What the host was last sent or said that it runs; undefined until Hello. */
  toldGeneration: DesiredGeneration | undefined;
  /** The attempt at an update that its agent was last told of here; empty: none. */
  toldAgent: string;
  awaitingApproval: boolean;
  /** What the host follows, as it said or was told; set by Hello. */
  link: { digest: string; metered: boolean };
  /** Why it ended, for the host's page. */
  endCause: string;
  /** False when the session has ended, or ends by this because the agent takes too little. */
  send(kind: ToAgent): boolean;
  /** The same for what is encoded already, as `encodedKind` does it. */
  sendEncoded(kind: Uint8Array): boolean;
  /** Notes a received frame, so that the next one sent acknowledges it. */
  received(frame: AgentFrame): void;
  /** Moves the state; false when the event may not happen now. */
  move(event: SessionEvent): boolean;
  /** Says goodbye, if there is something to say, and ends the session and all that waits for it. */
  end(
    why: SessionEnd,
    goodbye?: { code: ErrorCode; message: string; retryAfterMs?: number; doNotReturn?: boolean },
  ): void;
  /** Encoded ControlFrames, as they are to be sent. @param atEnd done once, before the reader is told of the end */
  frames(atEnd: () => Promise<void>): AsyncIterator<Buffer>;
}

// What waits for one agent, at most. Enough for a plan of the largest body beside everything else; with 10,000 hosts that
// all stop reading at once it is the bound on memory that holds, not this one times the hosts, since nobody asks all of them.
const OUTBOX_ITEMS = 256;
const OUTBOX_BYTES = 8 * 1024 * 1024;
// The agent keeps at most 4 batches unacknowledged; twice that forgives one that counts otherwise.
const SPOOL_LANE = 8;
// An observed state is whole: of those that wait only the last is of interest.
const OBSERVED_LANE = 2;
const CONTROL_LANE = 16;

export function createSession(parts: {
  identity: HostIdentity;
  remoteAddress: string;
  sessionId: string;
  nonce: Uint8Array;
  newRequestId: () => string;
  clock: Clock;
  log: Log;
}): Session {
  const { identity, sessionId, clock } = parts;
  const { log } = parts;
  // Not a child of the log: ten thousand of them have to be made at once, and say nothing for hours.
  const own = { [field.hostId]: identity.hostId, [field.sessionId]: sessionId };
  const outbox = createOutbox<Uint8Array>({ items: OUTBOX_ITEMS, bytes: OUTBOX_BYTES }, ({ length }) => length);
  const pending = createPending({ clock, newRequestId: parts.newRequestId });
  const ended = new AbortController();
  const laneFailed = (error: unknown): void => log.error({ ...own, err: error }, "Work of a session failed.");
  let state: SessionState = "challenged";
  let sentId = 0;
  let receivedId = 0;

  function move(event: SessionEvent): boolean {
    const next = nextSessionState(state, event);
    if (next === undefined) return false;
    log.debug(
      { ...own, from: state, to: next, ...(event.type === "end" ? { [field.reason]: event.why } : {}) },
      "A session changed its state.",
    );
    state = next;
    return true;
  }

  const session: Session = {
    identity,
    remoteAddress: parts.remoteAddress,
    sessionId,
    nonce: parts.nonce,
    skew: createSkewMeter(),
    challengedAtMs: clock.now().getTime(),
    pending,
    signal: ended.signal,
    lanes: {
      spool: createLane(SPOOL_LANE, laneFailed),
      observed: createLane(OBSERVED_LANE, laneFailed),
      control: createLane(CONTROL_LANE, laneFailed),
    },
    get state() {
      return state;
    },
    epoch: 0n,
    toldGeneration: undefined,
    toldAgent: "",
    awaitingApproval: identity.awaitingApproval,
    link: { digest: "", metered: false },
    endCause: "",
    send: (kind) => state !== "ended" && session.sendEncoded(encodedKind(kind)),
    sendEncoded: (kind) => {
      if (state === "ended") return false;
      if (outbox.push(kind)) return true;
      session.end("too-slow", {
        code: agentsErrors.WF_SESSION_TOO_SLOW,
        message: "The agent does not take the messages that wait for it.",
      });
      return false;
    },
    received: (frame) => {
      // An agent counts from 1: beyond 2^53 is no number of its.
      receivedId = Math.max(receivedId, Math.min(Number(frame.id), Number.MAX_SAFE_INTEGER));
    },
    move,
    end: (why, goodbye) => {
      if (!move({ type: "end", why })) return;
      session.endCause ||= endSentences[why];
      log.info(
        { ...own, [field.reason]: why, ...(goodbye ? { [field.code]: goodbye.code.code } : {}) },
        "A session ended.",
      );
      outbox.endWith(
        goodbye &&
          encodedKind({
            $case: "goodbye",
            value: {
              code: goodbye.code.code,
              message: goodbye.message,
              retryAfterMs: goodbye.retryAfterMs ?? 0,
              doNotReturn: goodbye.doNotReturn ?? false,
            },
          }),
      );
      pending.failAll(
        new ProblemError({
          code: agentsErrors.WF_HOST_DISCONNECTED,
          detail: `The session ended: ${session.endCause}.`,
        }),
      );
      ended.abort();
    },
    frames: (atEnd) => outbox.items((kind) => encodedFrame(++sentId, receivedId, kind), atEnd),
  };
  return session;
}
