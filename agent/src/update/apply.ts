import type { Clock } from "../platform/clock.ts";
import { pause } from "../platform/clock.ts";
import { backoffMs } from "../session/backoff.ts";
import { type ReleaseSource, download, partPath, removeParts, unpack } from "./download.ts";
import type { FaultPoint } from "./fault.ts";
import type { Step } from "./plan.ts";
import { UpdateRefusal } from "./refusal.ts";
import type { Slots, Trial } from "./slots.ts";
import { tryProgram } from "./try-program.ts";
import type { Wanted } from "./wanted.ts";

/** What comes wrong twice in whole is wrong where it comes from. */
const MOST_DAMAGED = 2;

export interface ApplyParts {
  readonly stateDir: string;
  readonly slots: Slots;
  readonly arch: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly at: FaultPoint;
  readonly source: ReleaseSource;
  /** The session is over, or something else is wanted. */
  readonly signal: AbortSignal;
  /** The source will not give it by asking again. */
  isFinal(error: unknown): boolean;
  onBytes(done: number, total: number): void;
  readonly onStaged: () => void;
  readonly onAccepted: () => void;
  /** The trial is on disk: the agent leaves, and the launcher goes on. */
  readonly onHandOver: () => void;
}

type Executors = {
  readonly [Op in Step["op"]]: (
    step: Extract<Step, { op: Op }>,
    wanted: Wanted,
    parts: ApplyParts,
  ) => void | Promise<void>;
};

const EXECUTORS: Executors = {
  refuse: ({ code, cause }) => {
    throw new UpdateRefusal(code, cause);
  },
  accept: (_step, _wanted, { onAccepted }) => onAccepted(),
  "clear-slot": (_step, _wanted, { slots }) => slots.removeOther(),
  download: (step, _wanted, parts) => fetchWhole(step, parts),
  unpack: async ({ file, packed, sha256, slot }, _wanted, { at, slots, stateDir }) => {
    await unpack(partPath(stateDir, packed), { name: file.name, sha256, program: slots.program(slot) }, at);
    removeParts(stateDir);
    at("parts removed");
  },
  try: async ({ slot }, wanted, { arch, at, onStaged, slots }) => {
    try {
      await tryProgram(slots.program(slot), wanted, arch);
    } catch (error) {
      slots.removeOther();
      throw error;
    }
    at("tried");
    onStaged();
  },
  "hand-over": ({ slot }, wanted, { onHandOver, slots, version }) => {
    slots.putOnTrial(trialOf(wanted, slot, version));
    onHandOver();
  },
};

/** Does the steps one after the other. @throws UpdateRefusal when the update is given up; anything else may be tried again. */
export async function applyUpdate(steps: readonly Step[], wanted: Wanted, parts: ApplyParts): Promise<void> {
  for (const step of steps) {
    parts.signal.throwIfAborted();
    parts.at(`before ${step.op}`);
    await execute(step, wanted, parts);
    parts.at(`after ${step.op}`);
  }
}

function execute<Op extends Step["op"]>(
  step: Extract<Step, { op: Op }>,
  wanted: Wanted,
  parts: ApplyParts,
): void | Promise<void> {
  const executor = EXECUTORS[step.op] as (step: Step, wanted: Wanted, parts: ApplyParts) => void | Promise<void>;
  return executor(step, wanted, parts);
}

async function fetchWhole(step: Extract<Step, { op: "download" }>, parts: ApplyParts): Promise<void> {
  let damaged = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      const onBytes = (done: number): void => parts.onBytes(done, step.file.bytes);
      if (await download(parts.stateDir, step, parts.source, { onBytes, at: parts.at })) return;
    } catch (error) {
      parts.signal.throwIfAborted();
      if (isNoRoom(error))
        throw new UpdateRefusal(
          "WF_UPDATE_NO_ROOM",
          "The disk was full while the agent was fetched. Make room there and start the update again.",
          { cause: error },
        );
      if (parts.isFinal(error)) throw error;
      await pause(parts.clock, backoffMs(attempt, parts.random()), parts.signal);
      parts.signal.throwIfAborted();
      continue;
    }
    if (++damaged >= MOST_DAMAGED)
      throw new UpdateRefusal(
        "WF_UPDATE_DAMAGED",
        `${step.file.name} came ${damaged} times with another checksum than was released. Put the files of the release on the control plane again.`,
      );
  }
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

function trialOf(wanted: Wanted, slot: Trial["slot"], fromVersion: string): Trial {
  const { updateId, version, proveSeconds, stableSeconds } = wanted;
  return { slot, updateId, version, fromVersion, proveSeconds, stableSeconds, local: false };
}
