import type { Progress } from "@windflow/proto/agent";

/** What a host said last of the work on one stack. In memory only: the next observed state is the truth. */
export interface StackProgress {
  readonly revision: number;
  /** One plan line, e.g. "create-container container hello-web-1". */
  readonly currentStep: string;
  /** Service → 0 to 100, while its image is pulled. */
  readonly pullPercent: ReadonlyMap<string, number>;
}

export interface ProgressBoard {
  note(hostId: string, progress: Progress): void;
  /** The host converged, or is gone: nothing is under way. */
  clear(hostId: string, stackId?: string): void;
  of(hostId: string, stackId: string): StackProgress | undefined;
}

// Names come from a host: one that invents stacks or services must not fill the memory.
const STACKS_PER_HOST = 200;
const SERVICES_PER_STACK = 200;

export function createProgressBoard(): ProgressBoard {
  const hosts = new Map<string, Map<string, StackProgress>>();
  return {
    note: (hostId, progress) => {
      const stacks = hosts.get(hostId) ?? new Map<string, StackProgress>();
      if (!stacks.has(progress.stackId) && stacks.size >= STACKS_PER_HOST) return;
      stacks.set(progress.stackId, advanced(stacks.get(progress.stackId), progress));
      hosts.set(hostId, stacks);
    },
    clear: (hostId, stackId) => {
      if (stackId === undefined) hosts.delete(hostId);
      else hosts.get(hostId)?.delete(stackId);
      if (hosts.get(hostId)?.size === 0) hosts.delete(hostId);
    },
    of: (hostId, stackId) => hosts.get(hostId)?.get(stackId),
  };
}

function advanced(before: StackProgress | undefined, progress: Progress): StackProgress {
  const same = before?.revision === progress.revision ? before : undefined;
  const pulls = new Map(same?.pullPercent);
  const percent = pullPercentOf(progress);
  if (progress.phase === "done" || progress.phase === "failed") pulls.delete(progress.service);
  else if (percent !== undefined && pulls.size < SERVICES_PER_STACK) pulls.set(progress.service, percent);
  return { revision: progress.revision, currentStep: progress.step || (same?.currentStep ?? ""), pullPercent: pulls };
}

function pullPercentOf(progress: Progress): number | undefined {
  const { pull } = progress;
  if (pull === undefined) return undefined;
  const [done, total] =
    pull.totalBytes > 0n ? [Number(pull.currentBytes), Number(pull.totalBytes)] : [pull.layersDone, pull.layersTotal];
  return total === 0 ? 0 : Math.min(100, Math.floor((100 * done) / total));
}
