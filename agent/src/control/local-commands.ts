import type { DesiredStack, ObservedWorld } from "@windflow/core";
import { AgentError } from "../errors.ts";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/log.ts";
import type { Reconciler } from "../reconcile/options.ts";
import type { DesiredStore } from "../state/desired-store.ts";

/** What root on the host may ask of the agent. */
export type LocalCommand = StackCommand | { readonly command: "status" | "link" } | { readonly command: "go-back" };

/** By name or id of a stack. */
export type StackCommand =
  | { readonly command: "stacks" }
  | { readonly command: "rollback"; readonly stack: string; readonly to?: number }
  | { readonly command: "release"; readonly stack: string };

export interface LocalAnswer {
  /** Lines for a person. */
  readonly text: string;
  /** Set when it was not done. */
  readonly code?: string;
}

export interface LocalCommandParts {
  readonly store: Pick<DesiredStore, "world" | "kept" | "hold" | "release" | "heldRevision" | "wanted">;
  readonly loop: Pick<Reconciler, "wake" | "planFor" | "observed">;
  readonly clock: Clock;
  /** Images that a revision lacks on this host. */
  readonly missing: (stack: DesiredStack, world: ObservedWorld) => readonly string[];
  /** Tells the host's history of it. */
  tell(type: "stack.held" | "stack.released", stack: DesiredStack, message: string): void;
}

/** Does a command, with or without a control plane. Never rejects. */
export async function answerLocally(command: StackCommand, parts: LocalCommandParts): Promise<LocalAnswer> {
  try {
    switch (command.command) {
      case "stacks":
        return { text: listed(parts) };
      case "rollback":
        return { text: await rollBack(command, parts) };
      case "release":
        return { text: await release(command.stack, parts) };
    }
  } catch (error) {
    return { text: reasonOf(error), code: error instanceof AgentError ? error.code : "WF_FRAME_INVALID" };
  }
}

function listed({ store, loop, missing }: LocalCommandParts): string {
  const world = loop.observed();
  const rows = (store.world()?.stacks ?? []).map((stack) => {
    const wanted = store.wanted(stack.stackId);
    const kept = store.kept(stack.stackId).map((one) => {
      const lacks = world === undefined ? [] : missing(one, world);
      return `${one.revision}${lacks.length === 0 ? "" : " (images missing)"}`;
    });
    const held = store.heldRevision(stack.stackId) === undefined ? "" : `held; wanted is ${wanted ?? "nothing"}`;
    return [stack.stackName, `revision ${stack.revision}`, held, `kept: ${kept.join(", ") || "none yet"}`];
  });
  if (rows.length === 0) return "This host runs no stack.";
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

async function rollBack(
  { stack: name, to }: { readonly stack: string; readonly to?: number },
  parts: LocalCommandParts,
): Promise<string> {
  const { store, loop } = parts;
  const stack = stackNamed(name, parts);
  const kept = store.kept(stack.stackId);
  const target = to ?? previousOf(stack, kept);
  if (target === undefined)
    throw new AgentError(
      "WF_REVISION_NOT_KEPT",
      `This host keeps no revision of ${stack.stackName} beside ${stack.revision}, so there is nothing to go back to.`,
    );
  const body = kept.find(({ revision }) => revision === target);
  const world = loop.observed();
  const lacks = body && world ? parts.missing(body, world) : [];
  store.hold(stack.stackId, target, parts.clock.now());
  parts.tell("stack.held", stack, `root on this host holds ${stack.stackName} at revision ${target}`);
  const plan = await planned(parts);
  loop.wake("held");
  return [
    `${stack.stackName} is held at revision ${target}, whatever the control plane wants, until "windflow-agent release ${stack.stackName}".`,
    ...(lacks.length === 0 ? [] : [`Not on this host, so they have to be pulled: ${lacks.join(", ")}.`]),
    plan,
  ].join("\n");
}

async function release(name: string, parts: LocalCommandParts): Promise<string> {
  const { store, loop } = parts;
  const stack = stackNamed(name, parts);
  const revision = store.heldRevision(stack.stackId);
  if (!store.release(stack.stackId)) return `${stack.stackName} was not held; nothing has changed.`;
  parts.tell("stack.released", stack, `root on this host holds ${stack.stackName} no longer at revision ${revision}`);
  const plan = await planned(parts);
  loop.wake("released");
  const wanted = store.wanted(stack.stackId);
  return `${stack.stackName} is held no longer; ${wanted === undefined ? "it is no longer wanted on this host" : `what is wanted is revision ${wanted}`}.\n${plan}`;
}

// The plan is shown, not asked for: what was decided stands when the engine is away.
async function planned({ store, loop }: LocalCommandParts): Promise<string> {
  const world = store.world();
  if (world === undefined) return "";
  try {
    return (await loop.planFor(world)).text;
  } catch (error) {
    return `It begins when the engine can be asked: ${reasonOf(error)}.`;
  }
}

function stackNamed(name: string, { store }: LocalCommandParts): DesiredStack {
  const stacks = store.world()?.stacks ?? [];
  const found = stacks.find(({ stackId, stackName }) => stackId === name || stackName === name);
  if (found !== undefined) return found;
  const names = stacks.map(({ stackName }) => stackName).toSorted();
  throw new AgentError(
    "WF_STACK_UNKNOWN",
    `This host runs no stack "${name}". ${names.length === 0 ? "It runs none." : `It runs: ${names.join(", ")}.`}`,
  );
}

/** What ran before it: the revision below that ran last, or where there is none below, any other. */
function previousOf(stack: DesiredStack, kept: readonly DesiredStack[]): number | undefined {
  const others = kept.map(({ revision }) => revision).filter((revision) => revision !== stack.revision);
  return others.find((revision) => revision < stack.revision) ?? others[0];
}
