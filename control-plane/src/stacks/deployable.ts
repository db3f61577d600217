import type { SecretValue } from "@windflow/proto/agent";
import { announce } from "../events/index.ts";
import { commonErrors, ProblemError, type UnitOfWork } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { stacksErrors } from "./errors.ts";
import type { RevisionSummary, SecretText, Stack } from "./model.ts";
import { deleteStack, readStack, returnRevision, updateStack } from "./store.ts";
import { readSealedSecrets, readSummary } from "./store-revisions.ts";

export type DeployableRevision = RevisionSummary;

/** The stack, locked unless told, with the revision to bring to its hosts (0: the latest). */
export async function readDeployable(
  tx: UnitOfWork,
  stackId: string,
  number: number,
  lock: "lock" | "look" = "lock",
): Promise<{ stack: Stack; revision: DeployableRevision }> {
  const stack = await requireStack(tx, stackId, lock);
  if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
  if (stack.latestRevision === 0) throw new ProblemError({ code: stacksErrors.WF_STACK_NO_REVISION });
  const wanted = number === 0 ? stack.latestRevision : number;
  const revision = await readSummary(tx, stackId, wanted);
  if (revision === undefined) throw missingRevision(stack, wanted);
  return { stack, revision };
}

export async function requireStack(tx: UnitOfWork, stackId: string, lock: "lock" | "look"): Promise<Stack> {
  const stack = await readStack(tx, stackId, lock);
  if (stack === undefined) {
    throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no stack ${stackId}` });
  }
  return stack;
}

/** Holds the stack until the end of the transaction; one that is gone cannot be held. */
export async function lockStack(tx: UnitOfWork, stackId: string): Promise<void> {
  await readStack(tx, stackId, "lock");
}

export function missingRevision(stack: Stack, number: number): ProblemError {
  const detail = `${stack.name} has no revision ${number}; its latest is ${stack.latestRevision}`;
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}

export type RolledOut =
  | { readonly kind: "deploy"; readonly revision: number; readonly outcome: "taken" | "given-up" | "taken-back" }
  | { readonly kind: "remove"; readonly off: boolean };

/** What the end of a rollout means for its stack: a current revision, or that it is forgotten. */
export async function stackRolledOut(tx: UnitOfWork, stackId: string, end: RolledOut, at: Date): Promise<void> {
  if (end.kind === "deploy") {
    if (end.outcome === "taken") await updateStack(tx, stackId, { currentRevision: end.revision, updatedAt: at });
    if (end.outcome === "taken-back") await returnRevision(tx, stackId, end.revision, at);
    return;
  }
  const stack = await readStack(tx, stackId, "lock");
  if (stack === undefined) return;
  if (!end.off) return updateStack(tx, stackId, { deleting: false, updatedAt: at });
  await deleteStack(tx, stackId);
  announce(tx, { organizationId: stack.organizationId, kind: "stack", id: stackId, change: "deleted", at });
}

export const secretsContext = (stackId: string, number: number): string => `${stackId}/revision/${number}/secrets`;

/** The secrets of a revision by name; empty when it has none. */
export async function openSecrets(
  tx: UnitOfWork,
  vault: Vault,
  revision: { readonly organizationId: string; readonly stackId: string; readonly number: number },
): Promise<Map<string, SecretText>> {
  const { organizationId, stackId, number } = revision;
  const sealed = await readSealedSecrets(tx, stackId, number);
  if (sealed === undefined) return new Map();
  const bytes = await vault.open(tx, organizationId, sealed, secretsContext(stackId, number));
  const texts = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, SecretText>;
  return new Map(Object.entries(texts));
}

/** The same as hosts ask for them: `NAME@VERSION` with the text. */
export async function secretValues(
  tx: UnitOfWork,
  vault: Vault,
  revision: { readonly organizationId: string; readonly stackId: string; readonly number: number },
): Promise<SecretValue[]> {
  const secrets = await openSecrets(tx, vault, revision);
  return [...secrets].map(([name, { version, value }]) => ({ reference: `${name}@${version}`, value }));
}
