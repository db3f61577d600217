import {
  AgentUpdateStatus,
  type AgentFrame,
  type DesiredStateReply,
  type Hello,
  type ObservedState,
  type SpoolBatch,
} from "@windflow/proto/agent";
import { field, ProblemError, type Clock, type Database, type ErrorCode, type Log } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { createObservedIntake } from "./observed.ts";
import { retryPassing } from "./passing.ts";
import type { AgentUpdateReport, HostReference, RegisteredHooks } from "./ports.ts";
import type { Session } from "./session.ts";
import { createSpoolIntake } from "./spool.ts";
import { generationFromWire, type FromAgent } from "./wire.ts";

export interface Dispatch {
  /** Handles one frame of an open session. Never throws and never waits for a database: reading goes on. */
  handle(session: Session, frame: AgentFrame): void;
  /** Takes what Hello says, or does not say, of the update that is about the agent. @param attempt the one that is */
  greeted(session: Session, hello: Hello, attempt: string): void;
  /** Tells the agent that a frame could not be handled; the session goes on. */
  refuse(session: Session, frameId: bigint, code: ErrorCode, message: string): void;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  hooks: RegisteredHooks;
  /** See the observed states' intake. */
  told(): Promise<void> | undefined;
}

export function createDispatch(parts: Parts): Dispatch {
  const { database, clock, log, hooks } = parts;
  const takeObserved = createObservedIntake({ database, clock, handlers: hooks.observed, told: () => parts.told() });
  const intake = createSpoolIntake({ database, clock, log, sinks: hooks.sinks });
  // The newest observed state of each session that waits for its turn; what it replaces was never of interest.
  const latest = new WeakMap<Session, { state: ObservedState; frameId: bigint }>();

  function refuse(session: Session, frameId: bigint, code: ErrorCode, message: string): void {
    const { hostId } = session.identity;
    log.warn(
      { [field.hostId]: hostId, [field.code]: code.code, frameId: String(frameId), [field.reason]: message },
      "A frame was refused.",
    );
    session.send({ $case: "error", value: { frameId, code: code.code, message } });
  }

  /** The error boundary of one frame. */
  async function bounded(session: Session, frameId: bigint, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      failed(session, frameId, error);
    }
  }

  function failed(session: Session, frameId: bigint, error: unknown): void {
    if (session.state === "ended") return;
    if (error instanceof ProblemError) return refuse(session, frameId, error.code, error.detail);
    log.error({ err: error, [field.hostId]: session.identity.hostId }, "A frame could not be handled.");
    const message = "The control plane failed to handle it; its log names the cause.";
    session.send({ $case: "error", value: { frameId, code: agentsErrors.WF_FRAME_FAILED.code, message } });
  }

  // One function, and one promise but the intake's: at each moment hundreds of batches wait for their commit.
  async function take(session: Session, frameId: bigint, batch: SpoolBatch): Promise<void> {
    if (session.state === "ended") return;
    try {
      const from = { ...referenceOf(session), clockSkewMs: session.skew.milliseconds };
      const sequence = await intake.take(from, batch, session.signal);
      if (batch.ackLater === true && sequence === batch.entries.at(-1)?.sequence) return;
      session.send({ $case: "spoolAck", value: { spoolId: batch.spoolId, sequence } });
    } catch (error) {
      failed(session, frameId, error);
    }
  }

  function spool(session: Session, frameId: bigint, batch: SpoolBatch): void {
    const taken = session.lanes.spool.add(() => take(session, frameId, batch));
    if (taken) return;
    // The next one's acknowledgement would stand for this one too: nothing more is taken before the agent has begun again.
    session.end("spool-overrun", {
      code: agentsErrors.WF_SPOOL_OVERRUN,
      message: "More batches wait for their acknowledgement than may.",
    });
  }

  function observed(session: Session, frameId: bigint, state: ObservedState): void {
    const waits = latest.has(session);
    latest.set(session, { state, frameId });
    if (waits) return;
    session.lanes.observed.add(async () => {
      const taken = latest.get(session);
      latest.delete(session);
      if (taken === undefined) return;
      const from = { ...referenceOf(session), epoch: session.epoch, clockSkewMs: session.skew.milliseconds };
      const take = () => takeObserved(from, taken.state);
      // The agent sends a state once: it is not lost to a database that is away, unless a newer one has come.
      const replaced = () => latest.has(session);
      await bounded(session, taken.frameId, () => retryPassing(clock, session.signal, take, replaced));
    });
  }

  // The newest of each session that waits for its turn, and the bytes of the last one that was taken: agents repeat themselves.
  const latestUpdate = new WeakMap<Session, AgentUpdateReport>();
  const takenUpdate = new WeakMap<Session, string>();

  function agentUpdate(session: Session, frameId: bigint, report: Omit<AgentUpdateReport, keyof HostReference>): void {
    if (report.status !== undefined) {
      const bytes = Buffer.from(AgentUpdateStatus.encode({ ...report.status, at: undefined }).finish()).toString(
        "base64",
      );
      if (takenUpdate.get(session) === bytes) return;
      takenUpdate.set(session, bytes);
    }
    const waits = latestUpdate.has(session);
    latestUpdate.set(session, { ...referenceOf(session), ...report });
    if (waits) return;
    const taken = session.lanes.control.add(() =>
      bounded(session, frameId, async () => {
        const newest = latestUpdate.get(session);
        latestUpdate.delete(session);
        if (newest === undefined) return;
        for (const handle of hooks.agentUpdates)
          await retryPassing(
            clock,
            session.signal,
            () => handle(newest),
            () => latestUpdate.has(session),
          );
      }),
    );
    if (taken) return;
    latestUpdate.delete(session);
    refuse(session, frameId, agentsErrors.WF_FRAME_FAILED, "Too many replies wait to be stored.");
  }

  function desiredReply(session: Session, frameId: bigint, reply: DesiredStateReply): void {
    const generation = generationFromWire(reply.generation);
    const told = { ...referenceOf(session), generation };
    if (reply.refused !== "") {
      const fields = {
        [field.hostId]: session.identity.hostId,
        [field.code]: reply.code,
        [field.reason]: reply.refused,
      };
      log.warn(fields, "A host refused its desired state.");
    }
    const taken = session.lanes.control.add(() =>
      bounded(session, frameId, async () => {
        const refusal = reply.refused === "" ? {} : { refused: reply.refused, code: reply.code };
        for (const handle of hooks.desiredReplies) {
          await retryPassing(clock, session.signal, () => handle({ ...told, ...refusal }));
        }
      }),
    );
    if (!taken) refuse(session, frameId, agentsErrors.WF_FRAME_FAILED, "Too many replies wait to be stored.");
  }

  function handleKind(session: Session, frameId: bigint, kind: FromAgent): void {
    switch (kind.$case) {
      case "heartbeat":
        if (kind.value.agentTime !== undefined)
          session.skew.heard(kind.value.agentTime.getTime(), clock.now().getTime());
        session.send({ $case: "heartbeatReply", value: { serverTime: clock.now() } });
        return;
      case "spoolBatch":
        return spool(session, frameId, kind.value);
      case "observed":
        return observed(session, frameId, kind.value);
      case "progress":
        for (const handle of hooks.progress) handle({ ...referenceOf(session), at: clock.now(), progress: kind.value });
        return;
      case "planReply":
      case "actionReply":
      case "projectReply":
      case "resolveReply":
      case "registryReply":
        // An answer that came too late has nobody who waits for it; that is no fault of the agent's.
        session.pending.settle(kind.value.requestId, kind.value);
        return;
      case "linkReport":
        for (const handle of hooks.linkReports) handle({ ...referenceOf(session), at: clock.now() }, kind.value);
        return;
      case "desiredStateReply":
        return desiredReply(session, frameId, kind.value);
      case "agentUpdate":
        return agentUpdate(session, frameId, { status: kind.value });
      case "error":
        log.warn(
          {
            [field.hostId]: session.identity.hostId,
            [field.code]: kind.value.code,
            [field.reason]: kind.value.message,
          },
          "An agent could not handle a frame.",
        );
        return;
      case "goodbye":
        session.endCause = `the agent left: ${kind.value.message || kind.value.code}`;
        session.end("agent-left");
        return;
      case "hello":
        return refuse(session, frameId, agentsErrors.WF_FRAME_UNEXPECTED, "The session is open already.");
    }
  }

  return {
    refuse,
    greeted: (session, { agentUpdate: status, agentVersion, build }, attempt) =>
      agentUpdate(session, 0n, {
        status,
        hello: { updateId: attempt, version: agentVersion, commit: build?.commit ?? "" },
      }),
    handle: (session, frame) => {
      if (frame.kind === undefined) {
        return refuse(
          session,
          frame.id,
          agentsErrors.WF_FRAME_UNEXPECTED,
          "This control plane does not know this kind of frame.",
        );
      }
      const { kind } = frame;
      try {
        handleKind(session, frame.id, kind);
      } catch (error) {
        log.error(
          { err: error, [field.hostId]: session.identity.hostId, [field.kind]: kind.$case },
          "A frame could not be handled.",
        );
        refuse(session, frame.id, agentsErrors.WF_FRAME_FAILED, "The control plane failed to handle it.");
      }
    },
  };
}

function referenceOf(session: Session): HostReference {
  return { organizationId: session.identity.organizationId, hostId: session.identity.hostId };
}
