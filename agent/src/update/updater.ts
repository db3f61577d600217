import { status as grpc } from "@grpc/grpc-js";
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";
import type { AgentBuild, AgentUpdateStatus, DesiredAgent } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { fetchRelease } from "../session/channel.ts";
import type { SessionEnd, SessionLink } from "../session/session.ts";
import { applyUpdate } from "./apply.ts";
import { removeParts } from "./download.ts";
import { type Explanation, explainAway } from "./explain.ts";
import { type FaultPoint, NO_FAULTS } from "./fault.ts";
import { goBack } from "./go-back.ts";
import { type OwnBuild, cannotUpdate, observe } from "./observe.ts";
import { formatPlan, planUpdate } from "./plan.ts";
import { type Proof, createProof } from "./proof.ts";
import { UpdateRefusal } from "./refusal.ts";
import { settleAtStart, settleProof } from "./settle.ts";
import { type Installation, type Trial, openSlots } from "./slots.ts";
import { type UpdateStatus, isSettled, loadStatus, saveStatus, wireStatus } from "./status-file.ts";
import { saveTrialNote } from "./trial-note.ts";
import { wantedOf } from "./wanted.ts";

/** Often enough to watch, rare enough for a metered link. */
const TELL_EVERY_MS = 5_000;
/** Asking again does not help: it is wanted no more, or the control plane cannot give it. */
const FINAL: ReadonlySet<unknown> = new Set([
  grpc.NOT_FOUND,
  grpc.PERMISSION_DENIED,
  grpc.INVALID_ARGUMENT,
  grpc.UNIMPLEMENTED,
]);

export interface UpdaterParts {
  readonly stateDir: string;
  /** undefined when the agent was not installed with slots. */
  readonly installation: Installation | undefined;
  readonly build: OwnBuild;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly at?: FaultPoint;
  /** The agent is to end, and another one to begin; see installer/launch.sh. */
  onHandOver(): void;
}

/** Makes this agent what the control plane wants it to be, and proves itself when it is new. */
export interface Updater {
  offer(message: DesiredAgent, link: SessionLink): void;
  welcomed(link: SessionLink): void;
  ended(end: SessionEnd): void;
  /** Goes back to the agent before this one, as root on this host asks. @returns a sentence. @throws AgentError */
  goBack(): string;
  readonly status: AgentUpdateStatus | undefined;
  readonly build: AgentBuild;
  stop(): void;
}

export function createUpdater(parts: UpdaterParts): Updater {
  const { build, clock, log, stateDir } = parts;
  const at = parts.at ?? NO_FAULTS;
  const slots = parts.installation === undefined ? undefined : openSlots(parts.installation, at);
  let status = loadStatus(stateDir);
  let link: SessionLink | undefined;
  let wasWelcomed = false;
  let stopped = false;
  let working = false;
  let waiting: { readonly message: DesiredAgent; readonly link: SessionLink } | undefined;
  let superseded = new AbortController();
  let trial: Trial | undefined;
  let proof: Proof | undefined;
  let sessions = 0;
  let toldAt = 0;

  const tell = (): void => {
    toldAt = clock.now();
    if (status !== undefined) link?.send({ $case: "agentUpdate", value: wireStatus(status) });
  };
  const become = (next: UpdateStatus | undefined): void => {
    status = next;
    saveStatus(stateDir, next);
    if (next !== undefined)
      log(next.code === "" ? "info" : "warn", "The update of the agent changed its state.", {
        to: next.state,
        updateId: next.updateId,
        version: next.version,
        ...(next.code === "" ? {} : { code: next.code, reason: next.cause }),
      });
    at(`status ${next?.state ?? "none"}`);
    tell();
  };
  const change = (
    state: UpdateStatus["state"],
    of: Pick<UpdateStatus, "updateId" | "version">,
    why?: Explanation | UpdateRefusal,
  ): void =>
    become({
      updateId: of.updateId,
      version: of.version,
      fromVersion: build.version,
      state,
      code: why?.code ?? "",
      cause: why === undefined ? "" : why instanceof Error ? why.message : why.cause,
      bytesDone: 0,
      bytesTotal: 0,
      at: clock.now(),
    });

  if (slots !== undefined) {
    const found = settleAtStart({ slots, stateDir, status, now: clock.now(), build, log, at });
    trial = found.trial;
    if (found.status !== status) become(found.status);
  }
  const onProven = (): void => {
    if (trial === undefined || slots === undefined || !slots.prove()) return;
    become(settleProof({ slots, stateDir, trial, status, now: clock.now(), at }));
    trial = undefined;
    work();
  };
  if (trial !== undefined) {
    log("info", "This agent is new: it proves itself by a session.", {
      version: trial.version,
      from: trial.fromVersion,
    });
    proof = createProof(trial, clock, onProven);
  }

  const doOne = async (message: DesiredAgent, session: SessionLink, signal: AbortSignal): Promise<void> => {
    const { wanted, seals } = wantedOf(message);
    if (wanted.updateId === "") return forget();
    // A file of the slots' folder tells the launcher what to do: nothing is planned while it is there.
    if (slots === undefined && status?.updateId !== wanted.updateId) {
      const cause = `This agent cannot update itself: ${cannotUpdate(build, slots)}. Install ${wanted.version} on the host.`;
      return change("refused", wanted, new UpdateRefusal("WF_UPDATE_IMPOSSIBLE", cause));
    }
    if (slots === undefined) return tell();
    try {
      at("before observe");
      const seen = await observe(seals, { build, stateDir, slots, status, now: clock.now() });
      at("after observe");
      const steps = planUpdate(wanted, seen);
      if (steps.length === 0) return tell();
      log("info", "The agent is to become another one.", {
        updateId: wanted.updateId,
        version: wanted.version,
        plan: formatPlan(steps),
      });
      await applyUpdate(steps, wanted, {
        stateDir,
        slots,
        arch: build.arch,
        version: build.version,
        clock,
        random: parts.random,
        at,
        signal,
        source: (name, offset) => fetchRelease(session.client, { name, offset, releaseId: wanted.releaseId }, signal),
        isFinal,
        onBytes: (done, total) => {
          const last = status;
          if (last?.state !== "downloading" || last.updateId !== wanted.updateId) change("downloading", wanted);
          if (status !== undefined) status = { ...status, bytesDone: done, bytesTotal: total };
          if (clock.now() - toldAt >= TELL_EVERY_MS) tell();
        },
        onStaged: () => change("staged", wanted),
        onAccepted: () => change("succeeded", wanted),
        onHandOver: () => {
          change("proving", wanted);
          stopped = true;
          parts.onHandOver();
        },
      });
    } catch (error) {
      if (signal.aborted || isFinal(error))
        return log("info", "The update of the agent was interrupted; it goes on when the control plane asks again.", {
          updateId: wanted.updateId,
          reason: reasonOf(error),
        });
      removeParts(stateDir);
      change("refused", wanted, error instanceof UpdateRefusal ? error : unexpected(error));
    }
  };
  const forget = (): void => {
    removeParts(stateDir);
    if (status !== undefined && !isSettled(status)) become(undefined);
  };
  const workOff = async (): Promise<void> => {
    while (waiting !== undefined && trial === undefined && !stopped) {
      const { message, link: session } = waiting;
      waiting = undefined;
      superseded = new AbortController();
      await doOne(message, session, AbortSignal.any([superseded.signal, session.ended]));
    }
  };
  const work = (): void => {
    if (working) return;
    working = true;
    workOff()
      .catch((error: unknown) => log("error", "The update of the agent failed.", { reason: reasonOf(error) }))
      .finally(() => (working = false));
  };

  return {
    offer: (message, session) => {
      waiting = { message, link: session };
      // What came of a file stays; something else may be wanted now.
      superseded.abort();
      work();
    },
    welcomed: (session) => {
      link = session;
      wasWelcomed = true;
      sessions++;
      proof?.welcomed();
    },
    ended: (end) => {
      link = undefined;
      proof?.ended(end);
      if (trial !== undefined && !end.renewed)
        saveTrialNote(stateDir, {
          updateId: trial.updateId,
          sessions,
          problem: end.reason,
          refused: end.refused || end.goodbye !== undefined,
        });
      const isAway = !wasWelcomed && !end.welcomed && !end.refused && end.goodbye === undefined;
      if (isAway && status?.state === "reverted" && status.code === "WF_UPDATE_NO_SESSION")
        become({ ...status, ...explainAway(status, end.reason) });
    },
    goBack: () => {
      if (slots === undefined || trial !== undefined)
        throw new AgentError(
          "WF_UPDATE_IMPOSSIBLE",
          trial === undefined
            ? cannotUpdate(build, slots)
            : "An update is being proven right now: ask again in some minutes.",
        );
      const said = goBack(slots, build.version, status);
      stopped = true;
      superseded.abort();
      parts.onHandOver();
      return said;
    },
    get status() {
      return status === undefined ? undefined : wireStatus(status);
    },
    build: {
      commit: build.commit,
      development: build.development,
      arch: build.arch,
      protocolMin: OLDEST_PROTOCOL_VERSION,
      protocolMax: PROTOCOL_VERSION,
      cannotUpdate: cannotUpdate(build, slots),
    },
    stop: () => {
      stopped = true;
      superseded.abort();
      proof?.stop();
    },
  };
}

function isFinal(error: unknown): boolean {
  return error instanceof Error && "code" in error && FINAL.has(error.code);
}

function unexpected(error: unknown): UpdateRefusal {
  return new UpdateRefusal(
    "WF_UPDATE_IMPOSSIBLE",
    `The update could not be done on this host: ${reasonOf(error)}. Mend that and start the update again.`,
    { cause: error },
  );
}
