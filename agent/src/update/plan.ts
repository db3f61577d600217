import type { SlotName } from "./slots.ts";
import type { UpdateStatus } from "./status-file.ts";
import { compareVersions } from "./version-order.ts";
import type { OfferedFile, Wanted } from "./wanted.ts";

export type RefusalCode =
  | "WF_UPDATE_IMPOSSIBLE"
  | "WF_UPDATE_SIGNATURE"
  | "WF_UPDATE_ARCHITECTURE"
  | "WF_UPDATE_OLDER"
  | "WF_UPDATE_NO_ROOM"
  | "WF_UPDATE_DAMAGED"
  | "WF_UPDATE_CANNOT_RUN"
  | "WF_UPDATE_MISMATCH";

/** What was found out before anything is done. */
export interface Seen {
  readonly version: string;
  readonly arch: string;
  /** It was built for development, and trusts that key alone. */
  readonly development: boolean;
  /** Why this agent cannot update itself; empty when it can. */
  readonly cannotUpdate: string;
  /** SHA-256 of the program that runs, in hex. */
  readonly program: string;
  readonly other: SlotName;
  /** SHA-256 of the other slot's program; undefined when it is empty. */
  readonly staged: string | undefined;
  readonly stagedBytes: number;
  /** SHA-256 of the list of checksums. */
  readonly releaseId: string;
  readonly isSigned: boolean;
  /** Absent, or why it does not count, or "good". */
  readonly permit: "none" | "good" | { readonly problem: string };
  readonly status: UpdateStatus | undefined;
  /** Bytes that are left on the disk of the agent's state and on that of the slots; the same disk once. */
  readonly room: { readonly state: number; readonly slots: number; readonly oneDisk: boolean };
  /** Bytes of a file that came before, by its SHA-256. */
  readonly partial: ReadonlyMap<string, number>;
}

interface Because {
  /** Why, for a person. */
  readonly cause: string;
}
export type Step = Because &
  (
    | { readonly op: "refuse"; readonly code: RefusalCode }
    /** It runs already. */
    | { readonly op: "accept" }
    /** Removes the program before the last, which would be replaced anyway. */
    | { readonly op: "clear-slot"; readonly slot: SlotName }
    | { readonly op: "download"; readonly file: OfferedFile; readonly sha256: string }
    | {
        readonly op: "unpack";
        readonly file: OfferedFile;
        readonly packed: string;
        readonly sha256: string;
        readonly slot: SlotName;
      }
    /** Runs it to see that it can, before anything depends on it. */
    | { readonly op: "try"; readonly slot: SlotName }
    | { readonly op: "hand-over"; readonly slot: SlotName }
  );

/** Compressions that an agent unpacks itself, the smallest first. */
const ENDINGS = [".zst", ".gz", ""] as const;
/** Nothing that is called an agent is larger. */
export const MOST_PROGRAM_BYTES: number = 512 * 1024 * 1024;
/** What an executable grows to when it is unpacked, where the release does not offer it unpacked too; measured 3.3. */
const GROWTH = 4;
/** Left for everything else on the host. */
const RESERVE_BYTES = 32 * 1024 * 1024;

/** What is to be done for this agent to become what is wanted; nothing when that was done or given up before. */
export function planUpdate(wanted: Wanted, seen: Seen): Step[] {
  if (seen.status?.updateId === wanted.updateId && isDone(seen.status)) return [];
  const refuse = (code: RefusalCode, cause: string): Step[] => [{ op: "refuse", code, cause }];
  const target = `windflow-agent ${wanted.version}`;
  if (seen.cannotUpdate !== "")
    return refuse(
      "WF_UPDATE_IMPOSSIBLE",
      `This agent cannot update itself: ${seen.cannotUpdate}. Install ${wanted.version} on the host.`,
    );
  if (!seen.isSigned || seen.releaseId !== wanted.releaseId)
    return refuse(
      "WF_UPDATE_SIGNATURE",
      seen.development
        ? `The release ${wanted.version} is not signed by the DEV key, and this agent is a development build (DEV), which trusts no other. Install a released agent on the host, or offer a DEV build.`
        : `The release ${wanted.version} is not signed by a key that this agent trusts. Nothing of it was fetched. Put the files of the release on the control plane again, as they were published.`,
    );
  const name = `windflow-agent-linux-${seen.arch}`;
  const sha256 = wanted.checksums.get(name);
  const offered = offersOf(name, wanted);
  if (sha256 === undefined)
    return refuse(
      "WF_UPDATE_ARCHITECTURE",
      `The release ${wanted.version} has no ${name}: it is not for this host's processor.`,
    );
  if (sha256 === seen.program) return [{ op: "accept", cause: `this agent is ${target} already` }];
  if (compareVersions(wanted.version, seen.version) < 0 && seen.permit !== "good")
    return refuse(
      "WF_UPDATE_OLDER",
      seen.permit === "none"
        ? `${wanted.version} is older than ${seen.version}, which runs: that takes a permit signed by the release key. Make the update with one, or install ${wanted.version} on the host.`
        : `${wanted.version} is older than ${seen.version}, which runs, and the permit does not count: ${seen.permit.problem}.`,
    );
  const tryIt: Step[] = [
    { op: "try", slot: seen.other, cause: `a program that cannot run here is not given a chance` },
    { op: "hand-over", slot: seen.other, cause: `${seen.version} runs, ${wanted.version} is wanted` },
  ];
  if (seen.staged === sha256) return tryIt;
  const [file] = offered;
  if (file === undefined)
    return refuse(
      "WF_UPDATE_ARCHITECTURE",
      `The control plane offers no file of ${wanted.version} for ${seen.arch} that this agent can unpack.`,
    );
  const packed = wanted.checksums.get(file.name) ?? "";
  const download: Step[] = [
    { op: "download", file, sha256: packed, cause: `${wanted.version} is not on this host` },
    { op: "unpack", file, packed, sha256, slot: seen.other, cause: `${file.name} was fetched` },
  ];
  const lacking = lackingBytes(file, packed, wanted, seen, name);
  if (lacking <= 0) return [...download, ...tryIt];
  const clear: Step = {
    op: "clear-slot",
    slot: seen.other,
    cause: `there is no room for three agents; without it this host cannot go back further than to ${seen.version}`,
  };
  if (lacking <= seen.stagedBytes) return [clear, ...download, ...tryIt];
  return refuse(
    "WF_UPDATE_NO_ROOM",
    `There are ${megabytes(lacking - seen.stagedBytes)} MB too little on the disk for the agent ${wanted.version}. Make room there and start the update again.`,
  );
}

/** The whole plan as text, a step a line. */
export function formatPlan(steps: readonly Step[]): string {
  return steps.map((step) => `${step.op}${targetOf(step)}: ${step.cause}`).join("\n");
}

function targetOf(step: Step): string {
  switch (step.op) {
    case "refuse":
      return ` ${step.code}`;
    case "accept":
      return "";
    case "download":
      return ` ${step.file.name} (${step.file.bytes} bytes)`;
    case "unpack":
      return ` ${step.file.name} to ${step.slot}`;
    case "clear-slot":
    case "try":
    case "hand-over":
      return ` ${step.slot}`;
  }
}

function isDone({ state }: UpdateStatus): boolean {
  return state === "succeeded" || state === "reverted" || state === "refused";
}

/** Files that are in the list of the release and of a credible size, the smallest first. */
function offersOf(name: string, wanted: Wanted): OfferedFile[] {
  const names = new Set(ENDINGS.map((ending) => `${name}${ending}`));
  return wanted.files
    .filter((file) => names.has(file.name) && wanted.checksums.has(file.name))
    .filter(({ bytes }) => bytes > 0 && bytes <= MOST_PROGRAM_BYTES)
    .toSorted((a, b) => a.bytes - b.bytes);
}

/** Bytes by which the fuller of the disks is too small; zero or less when all fits. */
function lackingBytes(file: OfferedFile, packed: string, wanted: Wanted, seen: Seen, name: string): number {
  const { room } = seen;
  const fetched = Math.max(0, file.bytes - (seen.partial.get(packed) ?? 0));
  const plain = wanted.files.find((one) => one.name === name)?.bytes;
  const unpacked = plain ?? (file.name === name ? file.bytes : file.bytes * GROWTH);
  if (room.oneDisk) return fetched + unpacked + RESERVE_BYTES - room.slots;
  // An older program goes from the disk of the slots alone.
  const lackingFirst = fetched + RESERVE_BYTES - room.state;
  if (lackingFirst > 0) return lackingFirst + seen.stagedBytes;
  return unpacked + RESERVE_BYTES - room.slots;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / (1024 * 1024));
}
