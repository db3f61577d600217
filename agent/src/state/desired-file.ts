import { join } from "node:path";
import type { AdoptedContainers, GateProbe, HostPolicy } from "@windflow/core";
import type { Generation } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "./json-record.ts";
import { formatGeneration, parseGeneration } from "./generation.ts";

const FILE = "desired.json";

export interface StoredStack {
  readonly stackId: string;
  readonly revision: number;
  /** `sha256:…` of the body's bytes. */
  readonly bodyDigest: string;
  /** Containers that an adoption made the stack's. */
  readonly adopted?: readonly string[];
  /** What asked for it; absent in files of agents that did not know of attempts. */
  readonly attempt?: string;
  /** Keys of volumes that may be made anew, without their data. */
  readonly recreateVolumes?: readonly string[];
  readonly policy?: HostPolicy;
  readonly probes?: readonly GateProbe[];
  readonly correct?: string;
  /** It took effect although root on the host held another revision. */
  readonly overrideHold?: true;
  /** It stands for what root on the host holds; never on disk. */
  readonly held?: true;
}

/** The complete list of what the host must run, as it was last taken. */
export interface StoredDesired {
  readonly generation: Generation;
  readonly stacks: readonly StoredStack[];
  /** Containers that were adopted into stacks which are wanted no more; they carry no label that says so. */
  readonly departed?: readonly AdoptedContainers[];
}

/** Stacks whose adopted containers are remembered after they are wanted no more. One that is deleted takes seconds to go. */
const MAX_DEPARTED = 100;

/** What has to be remembered of adoptions when a newer state takes the place of an older one. */
export function departedAfter(before: StoredDesired | undefined, next: readonly StoredStack[]): AdoptedContainers[] {
  const wanted = new Set(next.map((stack) => stack.stackId));
  const again = new Set(next.flatMap((stack) => stack.adopted ?? []));
  const left = (before?.stacks ?? []).flatMap(({ stackId, adopted = [] }) =>
    adopted.length > 0 && !wanted.has(stackId) ? [{ stackId, containerIds: adopted }] : [],
  );
  return [...(before?.departed ?? []), ...left]
    .filter(({ stackId, containerIds }) => !wanted.has(stackId) && !containerIds.some((id) => again.has(id)))
    .slice(-MAX_DEPARTED);
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
  const { generation, stacks, departed } = desired;
  const content = { generation: formatGeneration(generation), stacks, departed };
  writeDurably(join(folder, FILE), `${JSON.stringify(content, null, 1)}\n`);
}

function parse(value: unknown): StoredDesired {
  if (!isRecord(value) || typeof value["generation"] !== "string" || !Array.isArray(value["stacks"])) {
    throw new TypeError("generation or stacks are missing");
  }
  const { departed = [] } = value;
  if (!Array.isArray(departed)) throw new TypeError("departed is no list");
  return {
    generation: parseGeneration(value["generation"]),
    stacks: value["stacks"].map(parseStack),
    departed: departed.map(parseDeparted),
  };
}

function parseStack(value: unknown): StoredStack {
  if (!isRecord(value)) throw new TypeError("a stack is no object");
  const { stackId, revision, bodyDigest } = value;
  if (typeof stackId !== "string" || typeof revision !== "number" || typeof bodyDigest !== "string") {
    throw new TypeError("a stack lacks a field");
  }
  const adopted = texts(value["adopted"]);
  const recreateVolumes = texts(value["recreateVolumes"]);
  const attempt = value["attempt"] ?? "";
  if (typeof attempt !== "string") throw new TypeError("an attempt is no text");
  return {
    stackId,
    revision,
    bodyDigest,
    ...(adopted.length > 0 ? { adopted } : {}),
    ...(attempt === "" ? {} : { attempt }),
    ...(recreateVolumes.length > 0 ? { recreateVolumes } : {}),
    ...(isPolicy(value["policy"]) ? { policy: value["policy"] } : {}),
    ...(isProbes(value["probes"]) ? { probes: value["probes"] } : {}),
    ...(typeof value["correct"] === "string" ? { correct: value["correct"] } : {}),
    ...(value["overrideHold"] === true ? { overrideHold: true } : {}),
  };
}

function parseDeparted(value: unknown): AdoptedContainers {
  if (!isRecord(value) || typeof value["stackId"] !== "string") throw new TypeError("a departed stack has no id");
  return { stackId: value["stackId"], containerIds: texts(value["containerIds"]) };
}

// Written by this agent or an older one, from what was checked when it was taken.
function isPolicy(value: unknown): value is HostPolicy {
  return isRecord(value) && isRecord(value["heal"]) && typeof value["keepRevisions"] === "number";
}

function isProbes(value: unknown): value is GateProbe[] {
  return Array.isArray(value) && value.every((probe) => isRecord(probe) && isRecord(probe["check"]));
}

function texts(value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw new TypeError("no list of texts");
  return value;
}
