import type { KeyObject } from "node:crypto";
import { type ServiceError, status } from "@grpc/grpc-js";
import { signHello } from "@windflow/core";
import { PROTOCOL_VERSION } from "@windflow/proto";
import type {
  AgentServiceClient,
  ControlFrame,
  Goodbye,
  Hello,
  Heartbeat,
  Intervals,
  Reenroll,
  Welcome,
} from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import type { Shaper } from "../link/index.ts";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { createBeats, LONGEST_ANSWER_MS } from "./beats.ts";
import { type FrameHandlers, dispatch } from "./dispatch.ts";
import { type AgentKind, createOutgoing } from "./outgoing.ts";

/** From the first packet to Welcome. When thousands of hosts come back at once, giving up earlier only adds handshakes. */
const GREETING_TIMEOUT_MS = 30_000;
/** Until Intervals say otherwise. The lease on the other side turns stale at three of these. */
const DEFAULT_HEARTBEAT_MS = 15_000;
/** Time for a last frame to leave. */
const FAREWELL_TIMEOUT_MS = 2_000;

export interface SessionLink {
  readonly client: AgentServiceClient;
  readonly shaper: Shaper;
  readonly epoch: bigint;
  /** False when the queue is full. */
  send(kind: AgentKind): boolean;
  /** Whether a batch that is sent now can do without its answer. */
  waivesAnswer(): boolean;
  /** Aborted when the session is over. */
  readonly ended: AbortSignal;
}

export interface SessionParts {
  readonly client: AgentServiceClient;
  readonly shaper: Shaper;
  readonly hostId: string;
  readonly hostKey: KeyObject;
  readonly clock: Clock;
  readonly log: Log;
  /** Made while the connection is: it may wait for the engine. */
  hello(): Promise<Omit<Hello, "protocolVersion" | "nonceSignature">>;
  heartbeat(): Heartbeat;
  onWelcome(welcome: Welcome, link: SessionLink): void;
  /** Instead of Welcome: this machine has the identity of another one. */
  onReenroll(asked: Reenroll): Promise<void>;
  handlers(link: SessionLink): FrameHandlers;
}

/** How a session ended. */
export interface SessionEnd {
  readonly welcomed: boolean;
  /** What Welcome said of the time over which to come back; 0 without one. */
  readonly returnWithinMs: number;
  readonly reason: string;
  /** The control plane's own word, when it said one. */
  readonly goodbye: Goodbye | undefined;
  /** The control plane does not want this host as it is: unknown key, revoked, expired. */
  readonly refused: boolean;
  /** This host ended it, to greet anew at once. */
  readonly renewed: boolean;
}

/** Runs one session from Challenge to its end; never rejects. Aborting `stop` or `renew` says goodbye first. */
export function runSession(parts: SessionParts, stop: AbortSignal, renew: AbortSignal): Promise<SessionEnd> {
  const { clock, log } = parts;
  return new Promise((resolve) => {
    const call = parts.client.connect();
    const ended = new AbortController();
    const outgoing = createOutgoing(
      { write: (frame) => call.write(frame), onDrain: (callback) => void call.on("drain", callback) },
      parts.shaper,
      ended.signal,
    );
    let link: SessionLink | undefined;
    let handlers: FrameHandlers | undefined;
    let goodbye: Goodbye | undefined;
    let returnWithinMs = 0;
    let heartbeatMs = DEFAULT_HEARTBEAT_MS;
    const beats = createBeats();
    let cancelBeat: () => void = () => undefined;
    let cancelWatch = clock.after(GREETING_TIMEOUT_MS, () =>
      end(new AgentError("WF_SESSION_TIMEOUT", `no greeting within ${GREETING_TIMEOUT_MS / 1000} s`)),
    );

    const end = (error: unknown): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      cancelBeat();
      cancelWatch();
      stop.removeEventListener("abort", leave);
      renew.removeEventListener("abort", leave);
      call.cancel();
      resolve({
        welcomed: link !== undefined,
        returnWithinMs,
        reason: goodbye?.message ?? reasonOf(error),
        goodbye,
        refused: isRefusal(error),
        renewed: renew.aborted && goodbye === undefined,
      });
    };
    const watch = (): void => {
      cancelWatch();
      const silenceMs = longestSilenceMs(heartbeatMs);
      cancelWatch = clock.after(silenceMs, () =>
        end(new AgentError("WF_SESSION_TIMEOUT", `nothing heard for ${silenceMs / 1000} s`)),
      );
    };
    const beat = (): void => {
      cancelBeat();
      const value = parts.heartbeat();
      const { send, afterMs } = beats.next(clock.now(), heartbeatMs, value.engineProblem);
      if (send) outgoing.send({ $case: "heartbeat", value });
      cancelBeat = clock.after(afterMs, beat);
    };
    const leave = (): void => {
      outgoing.send({
        $case: "goodbye",
        value: {
          code: stop.aborted ? "WF_AGENT_STOPPING" : "WF_AGENT_RECONNECTS",
          message: stop.aborted ? "The agent was asked to stop." : "What the host says of itself has changed.",
          retryAfterMs: 0,
          doNotReturn: false,
        },
      });
      call.end();
      clock.after(FAREWELL_TIMEOUT_MS, () => end(new AgentError("WF_AGENT_STOPPING", "stopped")));
    };
    const setIntervals = (intervals: Intervals | undefined): void => {
      if (intervals === undefined || intervals.heartbeatMs === 0 || intervals.heartbeatMs === heartbeatMs) return;
      heartbeatMs = intervals.heartbeatMs;
      if (link === undefined) return;
      // From now on the other side expects them as often.
      beat();
      watch();
    };

    const greet = async (frame: ControlFrame): Promise<void> => {
      const { kind } = frame;
      if (kind?.$case === "challenge") {
        const nonceSignature = signHello(parts.hostKey, kind.value.nonce, parts.hostId);
        const hello = await parts.hello();
        outgoing.send({ $case: "hello", value: { ...hello, protocolVersion: PROTOCOL_VERSION, nonceSignature } });
      } else if (kind?.$case === "welcome") {
        ({ returnWithinMs } = kind.value);
        setIntervals(kind.value.intervals);
        link = {
          client: parts.client,
          shaper: parts.shaper,
          epoch: kind.value.epoch,
          send: (reply) => !ended.signal.aborted && outgoing.send(reply),
          waivesAnswer: () => beats.waivesAnswer(clock.now(), heartbeatMs),
          ended: ended.signal,
        };
        handlers = parts.handlers(link);
        parts.onWelcome(kind.value, link);
        beat();
        watch();
      } else if (kind?.$case === "reenroll") {
        // Keys and one call: the greeting is over, and what ends this session now is its own end.
        cancelWatch();
        await parts.onReenroll(kind.value);
        end(new AgentError("WF_AGENT_RECONNECTS", "this machine comes back as a host of its own"));
      }
    };

    const handle = async (frame: ControlFrame, by: FrameHandlers): Promise<void> => {
      const problem = await dispatch(frame, by);
      if (problem === undefined) return;
      const kind = frame.kind?.$case ?? "unknown";
      log("warn", "A frame could not be handled.", { kind, code: problem.code, reason: problem.message });
      outgoing.send({ $case: "error", value: problem });
    };

    call.on("data", (frame: ControlFrame) => {
      outgoing.acknowledge(frame.id);
      if (frame.kind?.$case === "goodbye") {
        goodbye = frame.kind.value;
        return end(new Error(goodbye.code));
      }
      if (handlers === undefined) {
        greet(frame).catch(end);
        return;
      }
      watch();
      if (frame.kind?.$case === "spoolAck") beats.answered(clock.now());
      if (frame.kind?.$case === "heartbeatReply") beats.replied(clock.now());
      if (frame.kind?.$case === "intervals") setIntervals(frame.kind.value);
      handle(frame, handlers).catch(end);
    });
    call.on("error", (error: ServiceError) => end(error));
    call.on("end", () => end(new Error("the control plane closed the session")));
    stop.addEventListener("abort", leave, { once: true });
    renew.addEventListener("abort", leave, { once: true });
    if (stop.aborted) leave();
  });
}

/** Without a byte from the other side; each heartbeat has an answer. Three heartbeats, less where they are far between. */
export function longestSilenceMs(heartbeatMs: number): number {
  return heartbeatMs + 2 * Math.min(heartbeatMs, LONGEST_ANSWER_MS);
}

function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED;
}
