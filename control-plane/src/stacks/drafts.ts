import type { ComposeModel } from "@windflow/core";
import { filesErrors, type FileStore, type TravellingFile } from "../files/index.ts";
import { commonErrors, ProblemError, type Caller, type Database } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { attachmentsFor, attachmentSizes } from "./attached-files.ts";
import { storageViolations } from "./attachments.ts";
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
  /** Paths in the source of the attachments that were read as text. */
  readonly textsRead: readonly string[];
}

/** A stack by its id, or one that is not stored yet. */
export type DraftWanted = ({ readonly stackId: string } | { readonly stack: Stack }) & { readonly source: StackSource };

export interface Drafts {
  /** Outside of a unit of work. Throws for a request that is not valid. */
  draft(caller: Caller, wanted: DraftWanted): Promise<Draft>;
}

// Relative paths of a stack are resolved from here. No host has the folder: each puts its own in its place.
export const WORKING_DIRECTORY = "/stack";

interface Parts {
  readonly database: Database;
  readonly vault: Vault;
  readonly compose: ComposeRenderer;
  readonly files: FileStore;
}

export function createDrafts({ database, vault, compose, files }: Parts): Drafts {
  type Known = { stack: Stack; previous: Map<string, SecretText>; sizes: Map<string, number> };
  const read = (caller: Caller, wanted: DraftWanted): Promise<Known> =>
    database.inOrganization(
      caller,
      async (tx) => {
        const stack = "stack" in wanted ? wanted.stack : await requireStack(tx, wanted.stackId, "look");
        if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
        const { organizationId, id: stackId, latestRevision: number } = stack;
        const previous = await openSecrets(tx, vault, { organizationId, stackId, number });
        return { stack, previous, sizes: await attachmentSizes(tx, files, wanted.source) };
      },
      { readOnly: true },
    );

  return {
    draft: async (caller, wanted) => {
      const { stack, previous, sizes } = await read(caller, wanted);
      const number = stack.latestRevision + 1;
      const { source, secrets, violations } = splitSource(wanted.source, number, previous);
      if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
      const missing = storageViolations(source, sizes);
      if (missing.length > 0) throw new ProblemError({ code: filesErrors.WF_FILE_NOT_STORED, violations: missing });
      const workingDirectory = stack.workingDirectory || WORKING_DIRECTORY;
      const travelling = sourceFiles(source, workingDirectory, sizes);
      const { model, problems, textsRead } = await compose.renderForHosts({
        files: source.files,
        composeFiles: source.composeFiles,
        variables: renderVariables(source),
        profiles: source.profiles,
        projectName: stack.project,
        workingDirectory,
        hostFolder: stack.workingDirectory !== "",
        attachments: attachmentsFor(source, sizes, { database, files, caller }),
      });
      const drafted = { stack, number, source, secrets, files: travelling, problems, textsRead };
      const refused = problems.some((problem) => problem.severity === "error");
      return model === undefined || refused ? drafted : { ...drafted, model };
    },
  };
}
