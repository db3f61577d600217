import type { ComposeModel } from "@windflow/core";
import type { TravellingFile } from "../files/index.ts";
import { commonErrors, ProblemError, type Caller, type Database } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { openSecrets, requireStack } from "./deployable.ts";
import { stacksErrors } from "./errors.ts";
import type { SecretText, Stack, StackSource, StoredProblem } from "./model.ts";
import type { ComposeRenderer } from "./ports.ts";
import { sourceFiles } from "./source-files.ts";
import { renderVariables, splitSource } from "./source.ts";

/** A source as the next revision of its stack, rendered; nothing is stored. */
export interface Draft {
  readonly stack: Stack;
  /** The number that it gets when no other revision comes before. */
  readonly number: number;
  /** Safe to store: without the texts of secrets. */
  readonly source: StackSource;
  readonly secrets: ReadonlyMap<string, SecretText>;
  /** Everything that the source has, by path. */
  readonly files: readonly TravellingFile[];
  /** As hosts get it; absent when a problem is an error. */
  readonly model?: ComposeModel;
  readonly problems: readonly StoredProblem[];
}

export interface Drafts {
  /** Outside of a unit of work. Throws for a request that is not valid. */
  draft(caller: Caller, wanted: { readonly stackId: string; readonly source: StackSource }): Promise<Draft>;
}

// Relative paths of a stack are resolved from here. No host has the folder: each puts its own in its place.
export const WORKING_DIRECTORY = "/stack";

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  readonly compose: ComposeRenderer;
}

export function createDrafts({ database, vault, compose }: Parts): Drafts {
  async function read(caller: Caller, stackId: string): Promise<{ stack: Stack; previous: Map<string, SecretText> }> {
    return database.inOrganization(
      caller,
      async (tx) => {
        const stack = await requireStack(tx, stackId, "look");
        if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
        const { organizationId, latestRevision: number } = stack;
        return { stack, previous: await openSecrets(tx, vault, { organizationId, stackId, number }) };
      },
      { readOnly: true },
    );
  }

  return {
    draft: async (caller, wanted) => {
      const { stack, previous } = await read(caller, wanted.stackId);
      const number = stack.latestRevision + 1;
      const { source, secrets, violations } = splitSource(wanted.source, number, previous);
      if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
      const { model, problems } = await compose.renderForHosts({
        files: source.files,
        composeFiles: source.composeFiles,
        variables: renderVariables(source),
        profiles: source.profiles,
        projectName: stack.name,
        workingDirectory: WORKING_DIRECTORY,
      });
      const drafted = { stack, number, source, secrets, files: sourceFiles(source, WORKING_DIRECTORY), problems };
      const refused = problems.some((problem) => problem.severity === "error");
      return model === undefined || refused ? drafted : { ...drafted, model };
    },
  };
}
