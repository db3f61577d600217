import { privilegedUses, secretReferences, type ComposeModel, type PrivilegedUse } from "@windflow/core";
import {
  commonErrors,
  mayDo,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type UnitOfWork,
  type Violation,
} from "../platform/index.ts";
import { announce } from "../events/index.ts";
import type { Vault } from "../secrets/index.ts";
import { encodeBody } from "./body.ts";
import { openSecrets, requireStack, secretsContext } from "./deployable.ts";
import { stacksErrors } from "./errors.ts";
import type { Revision, SecretText, Stack, StackSource, StoredProblem } from "./model.ts";
import type { AuditTrail, ComposeRenderer } from "./ports.ts";
import { renderVariables, splitSource } from "./source.ts";
import { updateStack } from "./store.ts";
import { insertRevision } from "./store-revisions.ts";

/** A source that is good to deploy, ready to be stored or planned. */
export interface PreparedRevision {
  readonly source: StackSource;
  readonly secrets: ReadonlyMap<string, SecretText>;
  readonly model: ComposeModel;
  readonly body: Uint8Array;
  readonly bodyDigest: string;
  readonly privileged: readonly PrivilegedUse[];
  readonly warnings: readonly StoredProblem[];
}

export type Preparation = { readonly revision: PreparedRevision } | { readonly problems: readonly StoredProblem[] };

export interface Revisions {
  /** Renders the source as the stack's next revision. Stores nothing. Throws for a request that is not valid. */
  prepare(tx: UnitOfWork, stack: Stack, source: StackSource): Promise<Preparation>;
  create(caller: Caller, wanted: { stackId: string; source: StackSource; message: string }): Promise<Revision>;
}

// Relative paths of a stack are resolved from here. No host has the folder, so that a mount of one is refused by name
// instead of silently meaning a folder of the host.
export const WORKING_DIRECTORY = "/stack";
// Until an installation can name folders that hosts may mount, every host path needs the permission.
const POLICY = { allowedBindRoots: [] };

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly compose: ComposeRenderer;
  readonly audit: AuditTrail;
}

export function createRevisions(parts: Parts): Revisions {
  const { database, clock, vault, compose, audit } = parts;

  async function prepare(tx: UnitOfWork, stack: Stack, written: StackSource): Promise<Preparation> {
    const number = stack.latestRevision + 1;
    const { organizationId, id: stackId } = stack;
    const previous = await openSecrets(tx, vault, { organizationId, stackId, number: stack.latestRevision });
    const { source, secrets, violations } = splitSource(written, number, previous);
    if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
    const rendered = compose.renderForHosts({
      files: source.files,
      composeFiles: source.composeFiles,
      variables: renderVariables(source),
      profiles: source.profiles,
      projectName: stack.name,
      workingDirectory: WORKING_DIRECTORY,
    });
    const { model, problems } = rendered;
    if (model === undefined || problems.some((problem) => problem.severity === "error")) return { problems };
    const privileged = privilegedUses(model, POLICY);
    const privilegedServices = [...new Set(privileged.map((use) => use.service))];
    const body = encodeBody({ stackId, stackName: stack.name, number, model, privilegedServices });
    return {
      revision: { source, secrets, model, body: body.bytes, bodyDigest: body.digest, privileged, warnings: problems },
    };
  }

  return {
    prepare,
    create: (caller, wanted) =>
      database.inOrganization(caller, async (tx) => {
        const stack = await requireStack(tx, wanted.stackId, "lock");
        if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
        const prepared = await prepare(tx, stack, wanted.source);
        if ("problems" in prepared) throw invalidSource(prepared.problems);
        requirePrivilege(caller, prepared.revision);
        const at = clock.now();
        const revision: Revision = {
          stackId: stack.id,
          number: stack.latestRevision + 1,
          source: prepared.revision.source,
          body: prepared.revision.body,
          bodyDigest: prepared.revision.bodyDigest,
          hasSecrets: secretReferences(prepared.revision.model).length > 0,
          privilegedServices: [...new Set(prepared.revision.privileged.map((use) => use.service))],
          warnings: prepared.revision.warnings,
          message: wanted.message,
          createdBy: caller.name,
          createdAt: at,
        };
        const sealedSecrets = await sealSecrets(tx, stack.organizationId, revision, prepared.revision.secrets);
        await insertRevision(tx, { ...revision, organizationId: stack.organizationId, sealedSecrets });
        await updateStack(tx, stack.id, { latestRevision: revision.number, updatedAt: at });
        announce(tx, { organizationId: stack.organizationId, kind: "stack", id: stack.id, change: "updated", at });
        await audit.record(tx, caller, {
          action: "stacks.createRevision",
          targetKind: "stack",
          targetId: stack.id,
          detail: {
            stackName: stack.name,
            revision: revision.number,
            bodyDigest: revision.bodyDigest,
            privileged: prepared.revision.privileged.map((use) => `${use.service}.${use.key}`),
          },
        });
        return revision;
      }),
  };

  async function sealSecrets(
    tx: UnitOfWork,
    organizationId: string,
    revision: Revision,
    secrets: ReadonlyMap<string, SecretText>,
  ): Promise<Uint8Array | undefined> {
    if (secrets.size === 0) return undefined;
    const plaintext = Buffer.from(JSON.stringify(Object.fromEntries(secrets)));
    return vault.seal(tx, organizationId, plaintext, secretsContext(revision.stackId, revision.number));
  }
}

function invalidSource(problems: readonly StoredProblem[]): ProblemError {
  const errors = problems.filter((problem) => problem.severity === "error");
  const first = errors[0];
  const detail = first === undefined ? undefined : `${first.file}:${first.line}:${first.column}: ${first.what}`;
  const violations = errors.map(violationOf);
  return new ProblemError({
    code: stacksErrors.WF_STACK_INVALID,
    violations,
    ...(detail === undefined ? {} : { detail }),
  });
}

function violationOf(problem: StoredProblem): Violation {
  const text = [problem.what, problem.why, problem.fix].filter((part) => part !== "").join(". ");
  return {
    path: problem.keyPath === "" ? problem.file : `${problem.file}: ${problem.keyPath}`,
    message: `${problem.code}: ${text}`,
    ...(problem.line > 0 ? { line: problem.line, column: problem.column } : {}),
  };
}

function requirePrivilege(caller: Caller, { privileged }: PreparedRevision): void {
  if (privileged.length === 0 || mayDo(caller, "stacks.deploy.privileged")) return;
  const violations = privileged.map((use) => ({
    path: `services.${use.service}.${use.key}`,
    message: `${use.value}: ${use.why}`,
  }));
  throw new ProblemError({ code: stacksErrors.WF_STACK_PRIVILEGED, violations });
}
