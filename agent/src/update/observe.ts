import { readdirSync, statSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { isSignedBy } from "@windflow/core";
import { sha256Of } from "../release/signature.ts";
import { permitProblem } from "./permit.ts";
import type { Seen } from "./plan.ts";
import type { Slots } from "./slots.ts";
import { type UpdateStatus, updateFolder } from "./status-file.ts";
import { type Seals, releaseIdOf } from "./wanted.ts";

/** Of the agent that runs. */
export interface OwnBuild {
  readonly version: string;
  readonly commit: string;
  readonly development: boolean;
  readonly arch: string;
  /** Public halves of the keys that it trusts. */
  readonly keys: readonly string[];
}

export interface ObserveParts {
  readonly build: OwnBuild;
  readonly stateDir: string;
  readonly slots: Slots;
  readonly status: UpdateStatus | undefined;
  readonly now: number;
}

/** Ends what is still on its way to be whole. */
export const PART_ENDING = ".part";

export async function observe(seals: Seals, parts: ObserveParts): Promise<Seen> {
  const { build, slots, stateDir } = parts;
  const releaseId = releaseIdOf(seals.list);
  const other = slots.program(slots.other);
  const stagedBytes = sizeOf(other);
  return {
    version: build.version,
    arch: build.arch,
    development: build.development,
    cannotUpdate: cannotUpdate(build, slots),
    program: await sha256Of(slots.program(slots.own)).catch(() => ""),
    other: slots.other,
    staged: stagedBytes === 0 ? undefined : await sha256Of(other).catch(() => undefined),
    stagedBytes,
    releaseId,
    isSigned: build.keys.some((key) => isSignedBy(key, seals.list, seals.signature)),
    permit: permitOf(seals, releaseId, build.keys, parts.now),
    status: parts.status,
    room: roomOf(stateDir, other),
    partial: partialOf(stateDir),
  };
}

/** Why this agent cannot update itself; empty when it can. */
export function cannotUpdate(build: OwnBuild, slots: Slots | undefined): string {
  if (slots === undefined)
    return "it was not installed with two slots by install.sh, so nothing would bring the old one back";
  if (build.keys.length === 0) return "it runs from its sources and trusts no release";
  return slots.problem();
}

function permitOf(seals: Seals, releaseId: string, keys: readonly string[], now: number): Seen["permit"] {
  const { permit, permitSignature } = seals;
  if (permit.length === 0) return "none";
  if (!keys.some((key) => isSignedBy(key, permit, permitSignature)))
    return { problem: "it is not signed by a key that this agent trusts" };
  const problem = permitProblem(permit.toString("utf8"), releaseId, now);
  return problem === "" ? "good" : { problem };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function roomOf(stateDir: string, program: string): Seen["room"] {
  const slots = join(program, "..");
  return {
    state: freeBytes(stateDir),
    slots: freeBytes(slots),
    oneDisk: statSync(stateDir, { throwIfNoEntry: false })?.dev === statSync(slots, { throwIfNoEntry: false })?.dev,
  };
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

function partialOf(stateDir: string): Map<string, number> {
  const folder = updateFolder(stateDir);
  const partial = new Map<string, number>();
  const names = statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder);
  for (const name of names)
    if (name.endsWith(PART_ENDING)) partial.set(name.slice(0, -PART_ENDING.length), sizeOf(join(folder, name)));
  return partial;
}
