import {
  attemptOf,
  isHostOver,
  type AgentReport,
  type AgentUpdate,
  type UpdateHost,
  type UpdateHostState,
  type UpdateHostView,
} from "./model.ts";

/** What the world says of one host. */
export interface HostAssessment {
  readonly state: UpdateHostState;
  readonly cause: string;
  /** By when the next word must come, milliseconds since 1970; absent while time does not count. */
  readonly deadlineAt?: number;
  /** Nothing is expected of it. */
  readonly away?: "not-reached";
}

/** An agent answers a frame within moments; a host that swaps gets room. */
const ANSWER_MS = 2 * 60_000;
/** Without one more byte. A link that is cut, or limited by the time of day, may carry nothing for a while. */
const STALL_MS = 30 * 60_000;
/** The agent itself takes two minutes to prove the new one, and as long to go back; the rest is a machine that is slow to start. */
const SWAP_MS = 15 * 60_000;
/** An agent that ends while it proves itself is started so often, and each time its session has to last anew. */
const TRIALS = 3;

/** Where the host stands. Pure: the same view at the same time gives the same answer. */
export function assessHost(update: AgentUpdate, host: UpdateHost, view: UpdateHostView, now: number): HostAssessment {
  if (host.supersededBy !== undefined) {
    return { state: "cancelled", cause: `a newer update took the host over: ${host.supersededBy}` };
  }
  if (view.reach === "gone") return { state: "cancelled", cause: view.reachCause };
  const report = host.report?.attempt === attemptOf(update.id, host) ? host.report : undefined;
  if (host.begun && report !== undefined) return assessReport(update, host, report, view, now);
  if (runsIt(update, view)) return { state: "succeeded", cause: `it runs ${update.release.version}` };
  if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause, away: "not-reached" };
  if (host.begun) return assessSilent(update, host, view, now);
  const refusal = refusalOf(update, view);
  if (view.reach === "reached" && refusal !== undefined) return { state: "refused", cause: refusal };
  return { state: "pending", cause: host.state === "pending" ? host.cause : "the host is back" };
}

/** Why an agent cannot be brought to the release; undefined when it may be tried. */
export function refusalOf({ release }: Pick<AgentUpdate, "release">, { runs }: UpdateHostView): string | undefined {
  const { version, build } = runs;
  if (build === undefined) {
    return `its agent ${version} does not say that it can update itself: run the install line on it once`;
  }
  if (build.cannotUpdate !== "") return `its agent cannot update itself: ${build.cannotUpdate}`;
  if (release.files.some((file) => file.arch === build.arch)) return undefined;
  return `the release has no agent for ${build.arch === "" ? "its architecture" : build.arch}`;
}

export function runsIt({ release }: Pick<AgentUpdate, "release">, { runs }: Pick<UpdateHostView, "runs">): boolean {
  const { version, build } = runs;
  return version === release.version && build?.commit === release.commit && build.onTrial !== true;
}

function assessReport(
  update: AgentUpdate,
  host: UpdateHost,
  report: AgentReport,
  view: UpdateHostView,
  now: number,
): HostAssessment {
  const { version } = update.release;
  switch (report.state) {
    case "succeeded":
      return { state: "succeeded", cause: `it runs ${version}` };
    case "reverted":
      return { state: "reverted", cause: told(report, `it went back to ${host.fromVersion || "its old agent"}`) };
    case "refused":
      return { state: "refused", cause: told(report, `its agent did not take ${version}`) };
    case "staged":
    case "proving": {
      // Away or not: an agent that changes itself leaves for a moment, and one that never comes back is no host that is merely off line.
      const deadlineAt = report.movedAt + SWAP_MS + TRIALS * update.strategy.gate.stableMs;
      if (now < deadlineAt) return { state: report.state, cause: swapWords[report.state], deadlineAt };
      const cause = `it has not come back after it changed its agent at ${clockText(report.movedAt)}: look at the machine, or wait for it`;
      return { state: "timed-out", cause };
    }
    case "downloading": {
      if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause, away: "not-reached" };
      const deadlineAt = Math.max(report.movedAt, view.reachedSince ?? report.movedAt) + STALL_MS;
      if (now < deadlineAt || view.reach === "uncertain") {
        return { state: "downloading", cause: "it fetches the release", deadlineAt };
      }
      const of = report.bytesTotal > 0 ? ` of ${report.bytesTotal}` : "";
      const cause = `no byte came within ${minutes(STALL_MS)}: ${report.bytesDone}${of} since ${clockText(report.movedAt)}`;
      return { state: "timed-out", cause };
    }
  }
}

/** Told, and nothing was heard of it. */
function assessSilent(update: AgentUpdate, host: UpdateHost, view: UpdateHostView, now: number): HostAssessment {
  const toldAt = Math.max(host.toldAt ?? now, view.reachedSince ?? 0);
  const deadlineAt = toldAt + ANSWER_MS;
  // One that had given up waiting stays so until it says something.
  if (host.state === "timed-out") return { state: "timed-out", cause: host.cause };
  if (now < deadlineAt || view.reach === "uncertain") {
    return { state: "sent", cause: `told to become ${update.release.version}`, deadlineAt };
  }
  const cause = `it was told at ${clockText(toldAt)} and said nothing within ${minutes(ANSWER_MS)}: its agent ${view.runs.version} may not know updates, or hangs`;
  return { state: "timed-out", cause };
}

/** Hosts that were given up are still listened to. */
export function isAssessed(host: UpdateHost): boolean {
  return !isHostOver(host.state) || (host.state === "timed-out" && host.report !== undefined);
}

const swapWords = {
  staged: "the release is on its disk and was checked",
  proving: "the new agent has to show that it is well",
} as const;

function told({ cause, code }: AgentReport, what: string): string {
  const why = [code, cause].filter((text) => text !== "").join(": ");
  return why === "" ? what : `${what}: ${why}`;
}

const minutes = (ms: number): string => `${ms / 60_000} minutes`;

function clockText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}
