import { StackBody, type ProjectReply, type ResolvedImage } from "@windflow/proto/agent";
import type { ComposeModel } from "@windflow/core";
import { composeFileOf } from "../adoption/index.ts";
import type { FileStore } from "../files/index.ts";
import {
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import {
  buildNeeded,
  decodeModel,
  invalidSource,
  readRevision,
  requirePrivilege,
  requireStack,
  secretValues,
  WORKING_DIRECTORY,
  type Revision,
  type Revisions,
  type Stack,
  type StackSource,
} from "../stacks/index.ts";
import { acceptedModel, type AcceptNote, type KnownSecret } from "./accept-model.ts";
import { driftErrors } from "./errors.ts";
import { type Drift } from "./model.ts";
import type { AuditTrail, DriftGateway } from "./ports.ts";
import { requireOpen } from "./service.ts";
import { updateDrift } from "./store.ts";
import { announceDrift, namesOf, recordDrift } from "./tell.ts";

export interface AcceptedDrift {
  readonly revision: number;
  readonly notes: readonly AcceptNote[];
}

/** Makes a revision of what a host has now; nothing is rolled out. */
export type AcceptDrift = (
  caller: Caller,
  wanted: { readonly driftId: string; readonly message: string },
  signal: AbortSignal,
) => Promise<AcceptedDrift>;

/** Images of the revision before: what runs keeps its bytes, and no registry is asked. */
export type RevisionsWith = (images: readonly ResolvedImage[]) => Revisions;

// A look at one engine: a host that needs longer is not there for a person who waits for the page.
const HOST_DEADLINE_MS = 20_000;

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly vault: Vault;
  readonly files: FileStore;
  readonly gateway: DriftGateway;
  readonly revisionsWith: RevisionsWith;
}

export function createAcceptDrift(parts: Parts): AcceptDrift {
  const { database, clock, newId, audit, vault, files, gateway, revisionsWith } = parts;

  async function known(tx: UnitOfWork, driftId: string): Promise<Known> {
    const drift = await requireOpen(tx, driftId);
    const { organizationId, stackId, revision: number } = drift;
    const stack = await requireStack(tx, stackId, "look");
    const revision = await readRevision(tx, stackId, number);
    if (revision === undefined) throw refused(`the revision ${number} that the host runs is not there`);
    const secrets = await secretValues(tx, vault, { organizationId, stackId, number });
    return { drift, stack, revision, secrets: secrets.map(secretOf) };
  }

  return async (caller, { driftId, message }, signal) => {
    const { drift, stack, revision, secrets } = await database.inOrganization(caller, (tx) => known(tx, driftId));
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(HOST_DEADLINE_MS)]);
    const reply = await gateway.requestProject(drift.hostId, { project: stack.project, own: true }, deadline);
    if (reply.problem !== "") throw refused(reply.problem);
    const ownFolder = stack.workingDirectory || WORKING_DIRECTORY;
    const base = decodeModel(revision.body);
    const { model, notes } = acceptedModel({ base, found: modelOf(reply), steps: drift.steps, secrets, ownFolder });
    const source = sourceWith(revision.source, model, secrets);
    const revisions = revisionsWith(StackBody.decode(revision.body).images);
    const preparation = await revisions.prepare(caller, { stackId: stack.id, source }, signal);
    if ("problems" in preparation) throw invalidSource(preparation.problems);
    if ("missingBuilds" in preparation) throw buildNeeded(preparation.missingBuilds);
    const { revision: prepared } = preparation;
    requirePrivilege(caller, prepared);
    for (const text of prepared.storedTexts) await files.write(caller.organizationId, text);
    return database.inOrganization(caller, async (tx) => {
      const still = await requireOpen(tx, driftId);
      const why = message || `accepted from a host, ${drift.foundAt.toISOString()}`;
      const stored = await revisions.store(tx, caller, prepared, why);
      if (stored === undefined) throw refused("the stack got another revision meanwhile: accept again");
      const at = clock.now();
      await updateDrift(tx, driftId, { state: "accepted", endedAt: at, endedBy: caller.name });
      announceDrift(tx, still, "updated", at);
      const sentence = `${caller.name} accepted what {host} has of {stack} as revision ${stored.number}.`;
      const told = { drift, type: "drift.accepted", sentence, severity: "info" as const, actor: caller.name, at };
      await recordDrift(tx, newId, told);
      const { hostId, stackId, steps } = drift;
      const detail = { hostId, stackId, ...(await namesOf(tx, drift)), revision: stored.number, steps };
      await audit.record(tx, caller, { action: "drift.accept", targetKind: "drift", targetId: driftId, detail });
      return { revision: stored.number, notes: [...newerNotes(stack, revision), ...hostNotes(reply), ...notes] };
    });
  };
}

interface Known {
  readonly drift: Drift;
  readonly stack: Stack;
  readonly revision: Revision;
  readonly secrets: readonly KnownSecret[];
}

/** What is in no host's containers: revisions that were made since and have not come to this one. */
function newerNotes({ latestRevision }: Stack, { number }: Revision): AcceptNote[] {
  if (latestRevision <= number) return [];
  const what = `the host runs revision ${number}, and the stack had revision ${latestRevision} already: what changed since ${number} is not in the new one`;
  const fix = `compare revisions ${number} and ${latestRevision}, and write what is to stay into the compose file`;
  return [{ keyPath: "", what, fix }];
}

/** What the host says that its engine does not tell. */
function hostNotes(reply: ProjectReply): AcceptNote[] {
  return reply.notes.map(({ keyPath, what, fix }) => ({ keyPath, what, fix }));
}

/** `NAME@VERSION` with its text. */
function secretOf({ reference, value }: { reference: string; value: string }): KnownSecret {
  const at = reference.lastIndexOf("@");
  return { name: reference.slice(0, at), version: Number(reference.slice(at + 1)), value };
}

/** What a host sent may be anything. */
function modelOf({ modelJson }: ProjectReply): ComposeModel {
  try {
    const found: unknown = JSON.parse(Buffer.from(modelJson).toString("utf8"));
    if (isObject(found) && isObject(found["services"]) && Object.values(found["services"]).every(isObject))
      return found as unknown as ComposeModel;
    throw new TypeError("it is no model of a project");
  } catch (cause) {
    throw refused("what the host sent of the project cannot be read: look at its agent", cause);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const PLACEHOLDER = /\{\{wf-secret:([A-Za-z0-9_.-]+)@\d+\}\}/g;

/** The source with one compose file, that of the model; what else it has stays. */
function sourceWith(before: StackSource, model: ComposeModel, secrets: readonly KnownSecret[]): StackSource {
  const values = new Map(secrets.map(({ name, value }) => [name, value]));
  // Written after everything else was escaped: the only texts that are meant to be replaced.
  const text = composeFileOf(model).replaceAll(PLACEHOLDER, (_, name: string) => `\${${name}}`);
  const others = Object.entries(before.files).filter(([path]) => !isComposeFile(path, before));
  return {
    ...before,
    files: { ...Object.fromEntries(others), "compose.yaml": text },
    composeFiles: ["compose.yaml"],
    variables: before.variables.map((variable) =>
      variable.secret ? { ...variable, value: values.get(variable.name) ?? "" } : variable,
    ),
  };
}

const USUAL_NAMES = /^(docker-)?compose(\.override)?\.ya?ml$/;

function isComposeFile(path: string, { composeFiles }: StackSource): boolean {
  return composeFiles.length === 0 ? USUAL_NAMES.test(path) : composeFiles.includes(path);
}

function refused(detail: string, cause?: unknown): ProblemError {
  return new ProblemError({
    code: driftErrors.WF_DRIFT_NOT_ACCEPTED,
    detail,
    ...(cause === undefined ? {} : { cause }),
  });
}
