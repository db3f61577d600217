import { join } from "node:path";
import { type AgentUpdateStatus, AgentUpdateStatus_State as WireState } from "@windflow/proto/agent";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "../state/json-record.ts";

export type UpdateState = "downloading" | "staged" | "proving" | "succeeded" | "reverted" | "refused";

/** Where the last update stands; kept on disk so that it is told after every start. */
export interface UpdateStatus {
  readonly updateId: string;
  readonly version: string;
  readonly fromVersion: string;
  readonly state: UpdateState;
  /** In a sentence, with what to do; empty unless refused or reverted. */
  readonly cause: string;
  readonly code: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const FILE = "status.json";
const WIRE: Readonly<Record<UpdateState, WireState>> = {
  downloading: WireState.STATE_DOWNLOADING,
  staged: WireState.STATE_STAGED,
  proving: WireState.STATE_PROVING,
  succeeded: WireState.STATE_SUCCEEDED,
  reverted: WireState.STATE_REVERTED,
  refused: WireState.STATE_REFUSED,
};

/** Nothing more is done for this update. */
export function isSettled({ state }: UpdateStatus): boolean {
  return state === "succeeded" || state === "reverted" || state === "refused";
}

/** What an update needs durably beside the slots, in the agent's state folder. */
export function updateFolder(stateDir: string): string {
  return join(stateDir, "update");
}

/** undefined when there never was an update, or its file cannot be read: then the control plane asks again. */
export function loadStatus(stateDir: string): UpdateStatus | undefined {
  try {
    const value: unknown = JSON.parse(readIfThere(join(updateFolder(stateDir), FILE))?.toString() ?? "null");
    return isStatus(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Durable when it returns. */
export function saveStatus(stateDir: string, status: UpdateStatus | undefined): void {
  const folder = updateFolder(stateDir);
  makePrivateFolder(folder);
  if (status === undefined) removeIfThere(join(folder, FILE));
  else writeDurably(join(folder, FILE), `${JSON.stringify(status, null, 1)}\n`);
}

export function wireStatus(status: UpdateStatus): AgentUpdateStatus {
  return {
    ...status,
    state: WIRE[status.state],
    bytesDone: BigInt(status.bytesDone),
    bytesTotal: BigInt(status.bytesTotal),
    at: new Date(status.at),
  };
}

function isStatus(value: unknown): value is UpdateStatus {
  return (
    isRecord(value) &&
    ["updateId", "version", "fromVersion", "cause", "code"].every((key) => typeof value[key] === "string") &&
    ["bytesDone", "bytesTotal", "at"].every((key) => typeof value[key] === "number") &&
    typeof value["state"] === "string" &&
    value["state"] in WIRE
  );
}
