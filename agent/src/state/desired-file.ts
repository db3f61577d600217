import { join } from "node:path";
import type { Generation } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { formatGeneration, parseGeneration } from "./generation.ts";

const FILE = "desired.json";

export interface StoredStack {
  readonly stackId: string;
  readonly revision: number;
  /** `sha256:…` of the body's bytes. */
  readonly bodyDigest: string;
}

/** The complete list of what the host must run, as it was last taken. */
export interface StoredDesired {
  readonly generation: Generation;
  readonly stacks: readonly StoredStack[];
}

/** undefined when nothing was ever wanted of this host. @throws AgentError WF_STATE_UNREADABLE: better to stand still than to take an unreadable list for an empty one. */
export function loadDesired(folder: string): StoredDesired | undefined {
  const content = readIfThere(join(folder, FILE));
  if (content === undefined) return undefined;
  try {
    return parse(JSON.parse(content.toString()));
  } catch (cause) {
    throw new AgentError(
      "WF_STATE_UNREADABLE",
      `The desired state in ${join(folder, FILE)} cannot be read; nothing on this host is touched. Remove the file and restart the agent: the control plane sends it again.`,
      { cause },
    );
  }
}

/** Durable when it returns. */
export function saveDesired(folder: string, desired: StoredDesired): void {
  const content = { generation: formatGeneration(desired.generation), stacks: desired.stacks };
  writeDurably(join(folder, FILE), `${JSON.stringify(content, null, 1)}\n`);
}

function parse(value: unknown): StoredDesired {
  if (!isRecord(value) || typeof value["generation"] !== "string" || !Array.isArray(value["stacks"])) {
    throw new TypeError("generation or stacks are missing");
  }
  return { generation: parseGeneration(value["generation"]), stacks: value["stacks"].map(parseStack) };
}

function parseStack(value: unknown): StoredStack {
  if (!isRecord(value)) throw new TypeError("a stack is no object");
  const { stackId, revision, bodyDigest } = value;
  if (typeof stackId !== "string" || typeof revision !== "number" || typeof bodyDigest !== "string") {
    throw new TypeError("a stack lacks a field");
  }
  return { stackId, revision, bodyDigest };
}

function isRecord(value: unknown): value is Partial<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
