import { accessSync, constants, existsSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { readIfThere, removeIfThere, syncFolder, writeDurably } from "../platform/durable-file.ts";
import { type FaultPoint, NO_FAULTS } from "./fault.ts";
import { type Lines, formatLines, parseLines, wholeNumber } from "./lines-file.ts";

export type SlotName = "a" | "b";

/** How an agent of an installation was started; told by the launcher. */
export interface Installation {
  /** Folder of the slots and the launcher. */
  readonly folder: string;
  /** The slot that this agent runs from. */
  readonly slot: SlotName;
  /** The launcher waits for this agent's end, and starts what is on trial when it ends with HANDING_OVER. */
  readonly launcherWaits: boolean;
}

/** Exit code that asks a waiting launcher to begin anew. */
export const HANDING_OVER = 75;
/** For what has to be done once the limit of both parts is over: two ticks of the launcher, on a slow machine. */
const LIMIT_SLACK_SECONDS = 5;

/** A slot that is to prove itself; the file `trial` of installer/launch.sh. */
export interface Trial {
  readonly slot: SlotName;
  readonly updateId: string;
  readonly version: string;
  readonly fromVersion: string;
  /** For the first session. */
  readonly proveSeconds: number;
  /** That it lasts. */
  readonly stableSeconds: number;
  /** Root on this host asked for it, not the control plane. */
  readonly local: boolean;
}

/** Why the launcher undid a trial; the file `verdict`. */
export interface Verdict {
  readonly why: "cannot-run" | "ended" | "silent" | "interrupted" | "unreadable" | "no-room" | "unknown";
  readonly code?: number;
  readonly starts?: number;
  readonly seconds?: number;
}

const REASONS: ReadonlySet<string> = new Set(["cannot-run", "ended", "silent", "interrupted", "unreadable", "no-room"]);

/** undefined when this agent was not started by the launcher of an installation. */
export function installationOf(environment: Readonly<Record<string, string | undefined>>): Installation | undefined {
  const { WINDFLOW_SLOTS: folder, WINDFLOW_SLOT: slot, WINDFLOW_LAUNCHER: launcher } = environment;
  if (folder === undefined || folder === "" || (slot !== "a" && slot !== "b")) return undefined;
  return { folder, slot, launcherWaits: launcher === "waits" };
}

/** Of a program that lies in a slot, however it was started; undefined for any other. */
export function installationHere(executable: string): Installation | undefined {
  const parts = /^(?<folder>.+)\/(?<slot>[ab])\/windflow-agent$/.exec(executable)?.groups;
  return parts === undefined
    ? undefined
    : installationOf({ WINDFLOW_SLOTS: parts["folder"], WINDFLOW_SLOT: parts["slot"] });
}

/** The files that agents and launcher share. Everything is durable when a call returns. */
export interface Slots {
  readonly own: SlotName;
  readonly other: SlotName;
  /** Path of a slot's program, which need not be there. */
  program(slot: SlotName): string;
  /** Why files cannot be put here; empty when they can. */
  problem(): string;
  trial(): Trial | undefined;
  /** The next start is the trial's. */
  putOnTrial(trial: Trial): void;
  /** False when the launcher has undone the trial at this moment. */
  prove(): boolean;
  /** A trial that was proven, and is not settled yet. */
  proven(): Trial | undefined;
  /** Makes this agent's slot the current one. */
  makeCurrent(): void;
  forgetProven(): void;
  /** A trial that was undone, and is not settled yet. */
  reverted(): { readonly trial: Trial; readonly verdict: Verdict } | undefined;
  forgetReverted(): void;
  removeOther(): void;
}

export function openSlots({ folder, slot: own }: Installation, at: FaultPoint = NO_FAULTS): Slots {
  const path = (name: string): string => join(folder, name);
  const program = (slot: SlotName): string => join(folder, slot, "windflow-agent");
  const other = own === "a" ? "b" : "a";
  const read = (name: string): Lines | undefined => {
    const content = readIfThere(path(name));
    return content === undefined ? undefined : parseLines(content.toString());
  };
  const trialIn = (name: string): Trial | undefined => {
    const lines = read(name);
    return lines === undefined ? undefined : trialOf(lines);
  };
  const rename = (from: string, to: string): boolean => {
    try {
      renameSync(path(from), path(to));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    }
    at(`${to} renamed`);
    syncFolder(folder);
    return true;
  };
  const remove = (name: string): void => {
    removeIfThere(path(name));
    at(`${name} removed`);
  };

  return {
    own,
    other,
    program,
    problem: () => problemOf(folder, [folder, path("a"), path("b")], path("launch")),
    trial: () => trialIn("trial"),
    putOnTrial: (trial) => {
      // What an earlier trial left would be taken for this one's.
      for (const name of ["starts", "verdict", "reverted", "proven"]) remove(name);
      syncFolder(folder);
      at("trial begun");
      writeDurably(path("trial"), formatLines(linesOf(trial)));
      at("trial written");
    },
    prove: () => rename("trial", "proven"),
    proven: () => trialIn("proven"),
    makeCurrent: () => {
      if (existsSync(path("current")) && readlinkSync(path("current")) === own) return;
      remove("current.new");
      symlinkSync(own, path("current.new"));
      at("current.new made");
      renameSync(path("current.new"), path("current"));
      at("current renamed");
      syncFolder(folder);
    },
    forgetProven: () => {
      for (const name of ["starts", "verdict", "proven"]) remove(name);
      syncFolder(folder);
    },
    reverted: () => {
      // With a disk that could not be written the launcher left the trial as it was, and started this slot.
      const trial = trialIn("reverted") ?? trialIn("trial");
      return trial === undefined || trial.slot === own ? undefined : { trial, verdict: verdictOf(read("verdict")) };
    },
    forgetReverted: () => {
      for (const name of ["trial", "starts", "verdict", "reverted"]) remove(name);
      syncFolder(folder);
    },
    removeOther: () => {
      removeIfThere(program(other));
      at("slot cleared");
      if (existsSync(path(other))) syncFolder(path(other));
    },
  };
}

function problemOf(folder: string, folders: readonly string[], launcher: string): string {
  if (!existsSync(launcher)) return `${launcher} is missing, which would bring the old agent back`;
  const closed = folders.find((one) => !isWritable(one));
  if (closed === undefined) return "";
  return `${closed} is missing or cannot be written by the user that the agent runs as (see "windflow-agent update --status"; installation in ${folder})`;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function linesOf(trial: Trial): Lines {
  const { slot, updateId, version, fromVersion, proveSeconds, stableSeconds, local } = trial;
  return {
    slot,
    limit: String(proveSeconds + stableSeconds + LIMIT_SLACK_SECONDS),
    prove: String(proveSeconds),
    stable: String(stableSeconds),
    update: updateId,
    version,
    from: fromVersion,
    local: String(local),
  };
}

function trialOf(lines: Lines): Trial {
  return {
    slot: lines["slot"] === "b" ? "b" : "a",
    updateId: lines["update"] ?? "",
    version: lines["version"] ?? "",
    fromVersion: lines["from"] ?? "",
    proveSeconds: wholeNumber(lines["prove"]) ?? 0,
    stableSeconds: wholeNumber(lines["stable"]) ?? 0,
    local: lines["local"] === "true",
  };
}

function verdictOf(lines: Lines | undefined): Verdict {
  const why = lines?.["why"] ?? "";
  const [code, starts, seconds] = ["code", "starts", "seconds"].map((key) => wholeNumber(lines?.[key]));
  return {
    why: REASONS.has(why) ? (why as Verdict["why"]) : "unknown",
    ...(code === undefined ? {} : { code }),
    ...(starts === undefined ? {} : { starts }),
    ...(seconds === undefined ? {} : { seconds }),
  };
}
