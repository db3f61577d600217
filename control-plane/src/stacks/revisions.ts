import { secretReferences } from "@windflow/core";
import { announce } from "../events/index.ts";
import type { FileStore } from "../files/index.ts";
import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type UnitOfWork,
} from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { smallFilesReader } from "./attached-files.ts";
import { revisionFiles, sourceDigests, sourceHolder } from "./held-files.ts";
import { requireStack, secretsContext } from "./deployable.ts";
import type { Drafts, DraftWanted } from "./drafts.ts";
import { stacksErrors } from "./errors.ts";
import type { Revision, SecretText, StackSource } from "./model.ts";
import type { AuditTrail } from "./ports.ts";
import { prepareDraft, type ImageSources, type Preparation, type PreparedRevision } from "./prepare.ts";
import { buildNeeded, invalidSource, requirePrivilege } from "./refusals.ts";
import { updateStack } from "./store.ts";
import { insertRevision } from "./store-revisions.ts";

export interface Revisions {
  /**
   * Renders the source as the stack's next revision and finds out about its images. Stores nothing. Outside of a unit of work: it may
   * ask a host. Throws for a request that is not valid.
   */
  prepare(caller: Caller, wanted: DraftWanted, signal?: AbortSignal): Promise<Preparation>;
  /** Stores what was prepared, in the caller's transaction; undefined when the stack has got another revision since. */
  store(tx: UnitOfWork, caller: Caller, prepared: PreparedRevision, message: string): Promise<Revision | undefined>;
  create(
    caller: Caller,
    wanted: { readonly stackId: string; readonly source: StackSource; readonly message: string },
    signal?: AbortSignal,
  ): Promise<Revision>;
}

// Somebody else's revision may come between the preparation and the storing; that often in a row it is a script gone wild.
const ATTEMPTS = 5;

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly drafts: Drafts;
  readonly images: ImageSources;
  readonly files: FileStore;
  readonly audit: AuditTrail;
}

export function createRevisions(parts: Parts): Revisions {
  const { database, clock, vault, drafts, images: sources, files, audit } = parts;
  const readSmall = smallFilesReader({ database, files });
  const prepare: Revisions["prepare"] = async (caller, wanted, signal) =>
    prepareDraft(caller, await drafts.draft(caller, wanted), { sources, readSmall }, signal);

  const store: Revisions["store"] = async (tx, caller, prepared, message) => {
    const stack = await requireStack(tx, prepared.stack.id, "lock");
    if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
    if (stack.latestRevision !== prepared.stack.latestRevision) return undefined;
    const at = clock.now();
    const revision: Revision = {
      stackId: stack.id,
      number: prepared.number,
      source: prepared.source,
      body: prepared.body,
      bodyDigest: prepared.bodyDigest,
      hasSecrets: secretReferences(prepared.model).length > 0,
      privilegedServices: [...new Set(prepared.privileged.map((use) => use.service))],
      warnings: prepared.warnings,
      message,
      createdBy: caller.name,
      createdAt: at,
    };
    const sealedSecrets = await sealSecrets(tx, stack.organizationId, revision, prepared.secrets);
    await insertRevision(tx, { ...revision, organizationId: stack.organizationId, sealedSecrets });
    await files.hold(tx, revisionFiles(stack.id, revision.number), prepared.fetched);
    await files.hold(tx, sourceHolder(stack.id, revision.number), sourceDigests(prepared.source));
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
        privileged: prepared.privileged.map((use) => `${use.service}.${use.key}`),
      },
    });
    return revision;
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

  return {
    prepare,
    store,
    create: async (caller, wanted, signal) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const preparation = await prepare(caller, wanted, signal);
        if ("problems" in preparation) throw invalidSource(preparation.problems);
        if ("missingBuilds" in preparation) throw buildNeeded(preparation.missingBuilds);
        requirePrivilege(caller, preparation.revision);
        for (const text of preparation.revision.storedTexts) await files.write(caller.organizationId, text);
        const { revision } = preparation;
        const stored = await database.inOrganization(caller, (tx) => store(tx, caller, revision, wanted.message));
        if (stored !== undefined) return stored;
      }
      const detail = "the stack kept getting other revisions while this one was prepared";
      throw new ProblemError({ code: commonErrors.WF_ETAG_MISMATCH, detail });
    },
  };
}
