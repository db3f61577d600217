import { sha256Digest } from "@windflow/core";
import type { StackSource } from "@windflow/proto/api";
import { announce } from "../events/index.ts";
import type { FileStore } from "../files/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  mayDo,
  ProblemError,
  requirePermission,
  type Caller,
  type Clock,
  type Database,
  type Jobs,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { collectBuilds } from "./collect.ts";
import { buildsErrors } from "./errors.ts";
import { inputDigest, privilegedKeys, type PlannedBuild } from "./inputs.ts";
import { ANY_IMAGE, buildHolder, type Build, type BuiltImage, type OutputLine, type ServiceBuild } from "./model.ts";
import type { AuditTrail, BuildDrafts, BuildHost, BuildHosts, DraftToBuild } from "./ports.ts";
import { runBuild } from "./runner.ts";
import { forgetOldBuilds, insertBuild, writeLines } from "./store.ts";
import { readImages, recentLayers, touchImages } from "./store-images.ts";
import { encodeTasks, fetchedFiles } from "./tasks.ts";

export interface StartParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly jobs: Jobs;
  readonly audit: AuditTrail;
  readonly files: FileStore;
  readonly drafts: BuildDrafts;
  readonly hosts: BuildHosts;
}

export interface WantedBuild {
  readonly stackId: string;
  readonly source: StackSource | undefined;
  /** Empty takes a connected one of those that the stack belongs on. */
  readonly hostId: string;
  readonly noCache: boolean;
}

// Output and causes of those before are of no interest any more.
const BUILDS_KEPT = 50;
const PRIVILEGE = "stacks.deploy.privileged";
// The images whose layers a host need not send.
const IMAGES_KNOWN = 200;

/** Stores what is to be built, and hands it to the worker. What was built before is not built again. */
export async function startBuild(parts: StartParts, caller: Caller, wanted: WantedBuild): Promise<Build> {
  // The instructions of a Dockerfile run on the host, as the containers of a rollout do.
  requirePermission(caller, "rollouts.write");
  const { database, files } = parts;
  const draft = await parts.drafts.draft(caller, wanted);
  const { organizationId } = draft.stack;
  const planned = await collectBuilds(parts, { organizationId, model: draft.model, files: draft.files });
  if (planned.length === 0) throw new ProblemError({ code: buildsErrors.WF_BUILD_NOTHING });
  requirePrivilege(caller, planned);
  const chosen = await database.inOrganization(caller, (tx) => chooseHost(tx, parts, { draft, planned, wanted }), {
    readOnly: true,
  });
  const missing = planned.filter((build) => !chosen.built.has(inputOf(build, chosen.host)));
  const { knownLayers } = chosen;
  const { platform } = chosen.host;
  const tasks = encodeTasks(missing, { platform, noCache: wanted.noCache, knownLayers });
  const fetched = fetchedFiles(missing);
  if (missing.length > 0) {
    await files.write(organizationId, tasks);
    for (const { content } of fetched) if (content !== undefined) await files.write(organizationId, content);
  }
  const build = newBuild(parts, caller, { ...chosen, draft, planned, tasks, missing });
  try {
    await database.inOrganization(caller, async (tx) => {
      await insertBuild(tx, build);
      await writeLines(tx, build, warningLines(missing, build.createdAt), 0);
      await touchImages(tx, [...chosen.built.keys()], build.createdAt);
      await forgetOldBuilds(tx, build.stackId, BUILDS_KEPT);
      if (missing.length > 0) {
        const digests = new Set([build.tasksDigest, ...fetched.map(({ digest }) => digest)]);
        await files.hold(tx, { id: buildHolder(build.id), stackId: build.stackId }, [...digests]);
        await parts.jobs.enqueue(tx, runBuild, { key: build.id, payload: { organizationId, buildId: build.id } });
      }
      const at = build.createdAt;
      announce(tx, { organizationId, kind: "build", id: build.id, parentId: build.stackId, change: "created", at });
      await parts.audit.record(tx, caller, {
        action: "builds.start",
        targetKind: "stack",
        targetId: build.stackId,
        detail: {
          buildId: build.id,
          hostId: build.hostId,
          platform: build.platform,
          noCache: wanted.noCache,
          services: build.services.map(({ service, reused }) => `${service}${reused ? " (built before)" : ""}`),
        },
      });
    });
  } catch (error) {
    if (!isUniqueViolation(error, "builds_under_way")) throw error;
    throw new ProblemError({ code: buildsErrors.WF_BUILD_UNDER_WAY, cause: error });
  }
  return build;
}

function requirePrivilege(caller: Caller, planned: readonly PlannedBuild[]): void {
  const [first] = privilegedKeys(planned);
  if (first === undefined || mayDo(caller, PRIVILEGE)) return;
  throw new ProblemError({
    code: commonErrors.WF_PERMISSION_DENIED,
    detail: `${first} needs the permission ${PRIVILEGE}`,
  });
}

interface Chosen {
  readonly host: BuildHost;
  /** What was built before on its platform, by input. */
  readonly built: ReadonlyMap<string, BuiltImage>;
  readonly knownLayers: readonly string[];
}

/** The named host, or the first by name that can be asked; of several platforms, one that something is not built for yet. */
async function chooseHost(
  tx: UnitOfWork,
  { hosts }: StartParts,
  about: { readonly draft: DraftToBuild; readonly planned: readonly PlannedBuild[]; readonly wanted: WantedBuild },
): Promise<Chosen> {
  const { draft, planned, wanted } = about;
  const candidates =
    wanted.hostId === ""
      ? await hosts.placed(tx, draft.stack, draft.hasSecrets)
      : [await namedHost(tx, hosts, wanted.hostId)];
  const knownLayers = wanted.noCache ? [] : await recentLayers(tx, IMAGES_KNOWN);
  const reachable = candidates.filter((host) => host.notReached === undefined);
  let first: Chosen | undefined;
  for (const host of reachable) {
    const inputs = planned.map((build) => inputOf(build, host));
    const built = wanted.noCache ? new Map<string, BuiltImage>() : await readImages(tx, inputs);
    first ??= { host, built, knownLayers };
    if (inputs.some((input) => !built.has(input))) return { host, built, knownLayers };
  }
  if (first !== undefined) return first;
  const why = candidates.map(({ name, notReached }) => `${name}: ${notReached ?? ""}`).join("; ");
  const detail = why === "" ? "the stack's placement selects no host" : `no host of the placement can be asked: ${why}`;
  throw new ProblemError({ code: buildsErrors.WF_BUILD_NO_HOST, detail });
}

// Nothing is passed over in silence.
function warningLines(builds: readonly PlannedBuild[], at: Date): OutputLine[] {
  return builds
    .flatMap(({ service, warnings }) => warnings.map((warning) => ({ service, text: `warning: ${warning}`, at })))
    .map((line, i) => ({ ...line, sequence: i + 1 }));
}

async function namedHost(tx: UnitOfWork, hosts: BuildHosts, hostId: string): Promise<BuildHost> {
  const named = await hosts.find(tx, hostId);
  if (named !== undefined) return named;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no approved host ${hostId}` });
}

function inputOf(build: PlannedBuild, host: BuildHost): string {
  return inputDigest(build, build.platform === "" ? host.platform : build.platform);
}

function newBuild(
  { clock, newId }: StartParts,
  caller: Caller,
  of: Chosen & {
    readonly draft: DraftToBuild;
    readonly planned: readonly PlannedBuild[];
    readonly missing: readonly PlannedBuild[];
    readonly tasks: Uint8Array;
  },
): Build {
  const at = clock.now();
  const { host, draft, planned, missing } = of;
  const services = planned.map((build): ServiceBuild => {
    const input = inputOf(build, host);
    const image = of.built.get(input);
    const common = { service: build.service, reference: build.reference, inputDigest: input, cause: "" };
    return image === undefined
      ? { ...common, state: "pending", configDigest: "", sizeBytes: 0, reused: false }
      : { ...common, state: "succeeded", configDigest: image.configDigest, sizeBytes: image.sizeBytes, reused: true };
  });
  const isDone = missing.length === 0;
  return {
    id: newId("bld"),
    organizationId: draft.stack.organizationId,
    stackId: draft.stack.id,
    state: isDone ? "succeeded" : "pending",
    cause: "",
    hostId: host.hostId,
    hostName: host.name,
    platform: host.platform,
    services,
    baseImages: missing.some(({ base }) => base.unknown)
      ? [ANY_IMAGE]
      : [...new Set(missing.flatMap(({ base }) => base.images))],
    tasksDigest: isDone ? "" : sha256Digest(of.tasks),
    createdBy: caller.name,
    createdAt: at,
    ...(isDone ? { startedAt: at, endedAt: at } : {}),
  };
}
