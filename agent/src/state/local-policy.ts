import { statSync } from "node:fs";
import { type DesiredStack, privilegedUses } from "@windflow/core";
import { AgentError } from "../errors.ts";
import { readIfThere } from "../platform/durable-file.ts";

/** What the owner of the machine allows, whatever the control plane says. No message can change it. */
export interface LocalPolicy {
  /** Names of stacks that may use keys which make a container root on the host; `*` is every stack. */
  readonly privilegedStacks: readonly string[];
  /** Absolute folders below which any stack may mount host paths. */
  readonly allowedBindRoots: readonly string[];
}

const NOTHING_ALLOWED: LocalPolicy = { privilegedStacks: [], allowedBindRoots: [] };
const GROUP_OR_OTHERS_WRITE = 0o022;

/**
 * Read afresh for each desired state, so that the owner's edit holds at once. No file: nothing privileged is allowed.
 * @throws AgentError WF_LOCAL_POLICY when the file is not root's (or the agent's own user's) alone, or cannot be read as a policy.
 */
export function readLocalPolicy(path: string): LocalPolicy {
  const content = readIfThere(path);
  if (content === undefined) return NOTHING_ALLOWED;
  const { uid, mode } = statSync(path);
  const own = uid === 0 || uid === process.getuid?.();
  if (!own || (mode & GROUP_OR_OTHERS_WRITE) !== 0) {
    throw new AgentError(
      "WF_LOCAL_POLICY",
      `${path} can be written by others than root. Make it root's and writable by the owner only.`,
    );
  }
  try {
    return parse(JSON.parse(content.toString()));
  } catch (cause) {
    throw new AgentError(
      "WF_LOCAL_POLICY",
      `${path} is no policy. It is JSON with "privilegedStacks" and "allowedBindRoots", each a list of texts.`,
      { cause },
    );
  }
}

/** Why the host refuses the stack, or undefined. */
export function policyRefusal(
  policy: LocalPolicy,
  { stackName, model, workingDirectory }: DesiredStack,
): string | undefined {
  if (policy.privilegedStacks.includes("*") || policy.privilegedStacks.includes(stackName)) return undefined;
  const uses = privilegedUses(model, {
    allowedBindRoots: policy.allowedBindRoots,
    ...(workingDirectory === undefined ? {} : { ownFolder: workingDirectory }),
  });
  const [first] = uses;
  if (first === undefined) return undefined;
  const more = uses.length === 1 ? "" : ` (and ${uses.length - 1} more)`;
  return `The policy of this host does not allow the stack "${stackName}" the key ${first.service}.${first.key} = ${first.value}${more}: ${first.why}. The owner of the machine can add the stack to "privilegedStacks" in the agent's policy file.`;
}

function parse(value: unknown): LocalPolicy {
  if (typeof value !== "object" || value === null) throw new TypeError("no object");
  const { privilegedStacks = [], allowedBindRoots = [], ...unknown }: Record<string, unknown> = { ...value };
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) throw new TypeError(`unknown key ${stranger}`);
  return { privilegedStacks: texts(privilegedStacks), allowedBindRoots: texts(allowedBindRoots) };
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw new TypeError("no list of texts");
  return value;
}
