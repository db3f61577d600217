import { attemptOf, type AgentReport, type ReportState, type UpdateHost } from "./model.ts";

/** What an agent said: of an attempt, or only what runs now. */
export interface Said {
  /** Absent: its Hello says nothing of an update. */
  readonly status?: {
    readonly attempt: string;
    readonly state: ReportState;
    readonly cause: string;
    readonly code: string;
    readonly bytesDone: number;
    readonly bytesTotal: number;
  };
  /** Version that runs there, when a session has begun. */
  readonly runs?: string;
}

const FINAL: readonly ReportState[] = ["succeeded", "reverted", "refused"];

/**
 * What is known of a host's attempt once its agent has said something; undefined when that is nothing new. What is final stays,
 * and what is said of another attempt says nothing of this one.
 */
export function reportAfter(updateId: string, host: UpdateHost, said: Said, now: number): AgentReport | undefined {
  if (!host.begun) return undefined;
  const attempt = attemptOf(updateId, host);
  const before = host.report?.attempt === attempt ? host.report : undefined;
  if (before !== undefined && FINAL.includes(before.state)) return undefined;
  const { status } = said;
  if (status?.attempt === attempt) {
    const same =
      before?.state === status.state && before.bytesDone === status.bytesDone && before.cause === status.cause;
    return same ? undefined : { ...status, receivedAt: now, movedAt: now };
  }
  // It had changed its agent, and who comes back knows nothing of it: the old one, without its memory.
  const isBack = said.runs !== undefined && (before?.state === "proving" || before?.state === "staged");
  if (!isBack) return undefined;
  const cause = `it came back with ${said.runs} and says nothing of the update`;
  return { ...before, state: "reverted", cause, code: "", receivedAt: now, movedAt: now };
}
