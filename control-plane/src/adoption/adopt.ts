import { Problem_Severity, type HostPlan, type Problem } from "@windflow/proto/api";
import type { ObservedContainer, PlanReply, ProjectReply } from "@windflow/proto/agent";
import type { ComposeModel } from "@windflow/core";
import { readProjectContainers } from "../containers/index.ts";
import { announce, recordEvent } from "../events/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import { emptyPlacement } from "../placement/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  requirePermission,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import type { RolloutsService } from "../rollouts/index.ts";
import {
  buildNeeded,
  invalidSource,
  requirePrivilege,
  stackNamesTaken,
  type PreparedRevision,
  type Revisions,
  type Stack,
  type StackSource,
  type StacksService,
} from "../stacks/index.ts";
import { composeFileOf } from "./compose-file.ts";
import { adoptionErrors } from "./errors.ts";
import type { AdoptionGateway, AuditTrail } from "./ports.ts";
import { workingDirectoryOf } from "./projects.ts";
import { insertAdoption } from "./store.ts";

/** A compose project on a host. */
export interface ProjectTarget {
  readonly hostId: string;
  readonly project: string;
}

export interface AdoptionWanted extends ProjectTarget {
  /** Empty: the project's name. */
  readonly stackName: string;
  /** Absent: what is reconstructed from the containers. */
  readonly source: StackSource | undefined;
  readonly acceptChanges: boolean;
  readonly validateOnly: boolean;
}

export interface Reconstruction {
  readonly composeFile: string;
  readonly model: ComposeModel;
  readonly containerIds: readonly string[];
  readonly notes: readonly Problem[];
}

export interface AdoptionOutcome {
  /** Absent when only validated. */
  readonly adopted?: { readonly stackId: string; readonly rolloutId: string };
  readonly plan: HostPlan;
  readonly problems: readonly Problem[];
}

export interface AdoptionService {
  reconstruct(caller: Caller, target: ProjectTarget, signal: AbortSignal): Promise<Reconstruction>;
  /** Nothing is stored unless the host has said what it would do, and that is nothing or was accepted. */
  adopt(caller: Caller, wanted: AdoptionWanted, signal: AbortSignal): Promise<AdoptionOutcome>;
}

/** docker compose's rule for the names of projects, which is that of stacks. */
const STACK_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
// A look at one engine: a host that needs longer is not there for a person who waits for the page.
const HOST_DEADLINE_MS = 20_000;

export function createAdoptionService(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly gateway: AdoptionGateway;
  readonly stacks: StacksService;
  /** Without digests from registries: what runs is what stays. */
  readonly revisions: Revisions;
  readonly rollouts: RolloutsService;
}): AdoptionService {
  const { database, clock, newId, audit, gateway, stacks, revisions, rollouts } = parts;

  async function requireHost(caller: Caller, hostId: string): Promise<HostSummary> {
    const [host] = await database.inOrganization(caller, (tx) => listHostSummaries(tx, { hostIds: [hostId] }), {
      readOnly: true,
    });
    if (host === undefined || host.revoked)
      throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no host ${hostId}` });
    const cause = host.awaitingApproval
      ? `${host.name} waits for its approval`
      : host.presence === "quarantined"
        ? `${host.name} is quarantined: ${host.presenceCause}`
        : undefined;
    if (cause !== undefined) throw new ProblemError({ code: adoptionErrors.WF_ADOPTION_REFUSED, detail: cause });
    return host;
  }

  async function reconstruct(caller: Caller, target: ProjectTarget, signal: AbortSignal): Promise<Reconstruction> {
    await requireHost(caller, target.hostId);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(HOST_DEADLINE_MS)]);
    const reply = await gateway.requestProject(target.hostId, { project: target.project, own: false }, deadline);
    if (reply.problem !== "")
      throw new ProblemError({ code: adoptionErrors.WF_ADOPTION_REFUSED, detail: reply.problem });
    return { ...readModel(reply), containerIds: reply.containerIds, notes: notesOf(reply) };
  }

  /** Where the files lie that the project was started with, as its containers say. */
  async function folderOf(caller: Caller, target: ProjectTarget): Promise<string> {
    const read = (tx: UnitOfWork): Promise<ObservedContainer[]> => readProjectContainers(tx, target);
    return workingDirectoryOf(await database.inOrganization(caller, read, { readOnly: true }));
  }

  async function prepare(
    caller: Caller,
    stack: Stack,
    source: StackSource,
    signal: AbortSignal,
  ): Promise<PreparedRevision> {
    const preparation = await revisions.prepare(caller, { stack, source }, signal);
    if ("problems" in preparation) throw invalidSource(preparation.problems);
    if ("missingBuilds" in preparation) throw buildNeeded(preparation.missingBuilds);
    requirePrivilege(caller, preparation.revision);
    return preparation.revision;
  }

  async function store(
    caller: Caller,
    host: HostSummary,
    adoption: { stack: Stack; prepared: PreparedRevision; containerIds: readonly string[] },
  ): Promise<{ stackId: string; rolloutId: string }> {
    const { stack, prepared, containerIds } = adoption;
    const { organizationId } = caller;
    const { hostId } = host;
    try {
      return await database.inOrganization(caller, async (tx) => {
        const at = clock.now();
        await stacks.insert(tx, caller, stack);
        await revisions.store(tx, caller, prepared, `adopted from ${host.name}`);
        const { id: stackId, project } = stack;
        const adoptedBy = caller.name;
        await insertAdoption(tx, { stackId, hostId, organizationId, project, containerIds, adoptedBy, adoptedAt: at });
        const { rollout } = await rollouts.start(tx, caller, { stackId, revision: 1 });
        const message = `The compose project ${project} on ${host.name} was adopted as the stack ${stack.name}.`;
        await recordEvent(tx, {
          id: newId("evt"),
          organizationId,
          at,
          type: "stack.adopted",
          message,
          severity: "info",
          actor: caller.name,
          stackId,
          hostId,
        });
        announce(tx, { organizationId, kind: "project", id: project, parentId: hostId, change: "deleted", at });
        const detail = { stackName: stack.name, project, hostId, hostName: host.name, containerIds };
        await audit.record(tx, caller, { action: "adoption.adopt", targetKind: "stack", targetId: stackId, detail });
        return { stackId, rolloutId: rollout.id };
      });
    } catch (error) {
      if (error instanceof ProblemError && error.code === commonErrors.WF_ALREADY_EXISTS) throw nameTaken(stack.name);
      if (!isUniqueViolation(error, "adoptions_project")) throw error;
      const detail = `the project ${stack.project} on ${host.name} has been adopted already`;
      throw new ProblemError({ code: adoptionErrors.WF_ADOPTION_REFUSED, detail, cause: error });
    }
  }

  return {
    reconstruct,
    adopt: async (caller, wanted, signal) => {
      requirePermission(caller, "rollouts.write");
      const { hostId, project } = wanted;
      const host = await requireHost(caller, hostId);
      const name = wanted.stackName || project;
      await requireFreeName(caller, name);
      const found = await reconstruct(caller, wanted, signal);
      const workingDirectory = wanted.source === undefined ? "" : await folderOf(caller, wanted);
      const source = wanted.source ?? textSource(found.composeFile);
      const placement = { ...emptyPlacement, hostIds: [hostId] };
      const stack = stacks.draft(caller, { name, placement, project, workingDirectory });
      const prepared = await prepare(caller, stack, source, signal);
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(HOST_DEADLINE_MS)]);
      const asked = { stackId: stack.id, body: prepared.body, adoptedContainerIds: found.containerIds };
      const reply = await gateway.requestPlan(hostId, asked, deadline);
      const plan = planOf(host, reply);
      const problems = [
        ...(wanted.source === undefined ? found.notes : []),
        ...prepared.warnings.map(warningMessage),
        ...blockedBy(reply),
      ];
      if (wanted.validateOnly) return { plan, problems };
      const [blocked] = blockedBy(reply);
      if (blocked !== undefined)
        throw new ProblemError({ code: adoptionErrors.WF_ADOPTION_REFUSED, detail: blocked.what });
      if (plan.steps.length > 0 && !wanted.acceptChanges) throw wouldChange(plan);
      const { containerIds } = found;
      return { adopted: await store(caller, host, { stack, prepared, containerIds }), plan, problems };
    },
  };

  async function requireFreeName(caller: Caller, name: string): Promise<void> {
    if (!STACK_NAME.test(name)) {
      const message = "lower-case letters, digits, - and _, at most 63, beginning with a letter or digit";
      throw new ProblemError({
        code: commonErrors.WF_INVALID_ARGUMENT,
        violations: [{ path: "stack_name", message }],
      });
    }
    const taken = await database.inOrganization(caller, (tx) => stackNamesTaken(tx, [name]), { readOnly: true });
    if (taken.has(name)) throw nameTaken(name);
  }
}

/** What a host sent may be anything. */
function readModel({ modelJson }: ProjectReply): Pick<Reconstruction, "composeFile" | "model"> {
  try {
    const model = JSON.parse(Buffer.from(modelJson).toString("utf8")) as ComposeModel;
    return { composeFile: composeFileOf(model), model };
  } catch (cause) {
    const detail =
      "what the host sent of the project cannot be read: look at its agent, or adopt it with its compose files";
    throw new ProblemError({ code: adoptionErrors.WF_ADOPTION_REFUSED, detail, cause });
  }
}

function nameTaken(name: string): ProblemError {
  return new ProblemError({ code: adoptionErrors.WF_NAME_TAKEN, detail: `there is a stack ${name} already` });
}

function wouldChange(plan: HostPlan): ProblemError {
  const violations = plan.steps.map(({ op, target, cause, service }) => ({
    path: service === "" ? "plan" : `services.${service}`,
    message: `${op} ${target}: ${cause}`,
  }));
  const detail = `${plan.steps.length} ${plan.steps.length === 1 ? "step" : "steps"} on ${plan.hostName}: ${plan.text}`;
  return new ProblemError({ code: adoptionErrors.WF_ADOPTION_CHANGES, detail, violations });
}

function textSource(composeFile: string): StackSource {
  const files = { "compose.yaml": composeFile };
  return { files, composeFiles: ["compose.yaml"], variables: [], profiles: [], attachments: [] };
}

function planOf({ hostId, name: hostName }: HostSummary, reply: PlanReply): HostPlan {
  return {
    hostId,
    hostName,
    steps: reply.steps.map((step) => ({ ...step })),
    text: reply.text,
    observedAt: reply.observedAt,
    notReached: reply.problem,
    expectedDowntimeSeconds: reply.expectedDowntimeSeconds,
  };
}

/** What the host would not carry out: its own policy, or what stands in the way of a service. */
function blockedBy(reply: PlanReply): Problem[] {
  const told = reply.text
    .split("\n")
    .flatMap((line) => (line.startsWith("error: ") ? [line.slice("error: ".length)] : []));
  const all = reply.problem === "" ? told : [reply.problem];
  return all.map((what) => ({ ...problem(what), severity: Problem_Severity.SEVERITY_ERROR }));
}

function notesOf(reply: ProjectReply): Problem[] {
  return reply.notes.map(({ keyPath, what, fix }) => ({
    ...problem(what),
    code: "WF_NOT_RECONSTRUCTED",
    keyPath,
    fix,
  }));
}

function warningMessage(warning: PreparedRevision["warnings"][number]): Problem {
  return { ...warning, severity: Problem_Severity.SEVERITY_WARNING };
}

function problem(what: string): Problem {
  return {
    severity: Problem_Severity.SEVERITY_WARNING,
    code: adoptionErrors.WF_ADOPTION_REFUSED.code,
    file: "",
    line: 0,
    column: 0,
    keyPath: "",
    what,
    why: "",
    fix: adoptionErrors.WF_ADOPTION_REFUSED.fix,
  };
}
