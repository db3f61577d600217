import { privilegedUses, secretReferences, type ComposeModel, type PrivilegedUse } from "@windflow/core";
import type { ResolvedImage } from "@windflow/proto/agent";
import type { TravellingFile } from "../files/index.ts";
import { mayDo, type Caller } from "../platform/index.ts";
import { encodeBody } from "./body.ts";
import { bodyFiles, stackFiles, type BodyFiles } from "./body-files.ts";
import { WORKING_DIRECTORY, type Draft } from "./drafts.ts";
import { imageReferences } from "./image-references.ts";
import type { StoredProblem } from "./model.ts";
import { hostsResolve } from "./no-images.ts";
import type { BuiltImages, ImageReference, ImageResolver } from "./ports.ts";

/** A draft that is good to deploy, ready to be stored or planned. */
export interface PreparedRevision extends Draft {
  readonly model: ComposeModel;
  readonly body: Uint8Array;
  readonly bodyDigest: string;
  readonly images: readonly ResolvedImage[];
  /** Digests of the stored files that hosts will ask for. */
  readonly fetched: readonly string[];
  /** Texts of the source that are too long for the body: to be stored before the revision. */
  readonly storedTexts: readonly Uint8Array[];
  readonly privileged: readonly PrivilegedUse[];
  readonly warnings: readonly StoredProblem[];
}

export interface MissingBuild {
  readonly service: string;
  readonly why: string;
}

export type Preparation =
  | { readonly revision: PreparedRevision }
  | { readonly problems: readonly StoredProblem[] }
  | { readonly missingBuilds: readonly MissingBuild[] };

export interface ImageSources {
  readonly built: BuiltImages;
  readonly resolver: ImageResolver;
}

/** The contents of small stored files among these, by digest. */
export type ReadSmallFiles = (caller: Caller, files: readonly TravellingFile[]) => Promise<Map<string, Uint8Array>>;

// Until an installation can name folders that hosts may mount, every host path needs the permission.
const NOTHING_TRAVELS: BodyFiles = { files: [], composeFiles: [] };
const HOST_PATHS = { allowedBindRoots: [] };
const POLICY = { ...HOST_PATHS, ownFolder: WORKING_DIRECTORY };

/** Finds out about the images of a draft and encodes what hosts will receive. Outside of a unit of work: it may ask a host. */
export async function prepareDraft(
  caller: Caller,
  draft: Draft,
  { sources, readSmall }: { readonly sources: ImageSources; readonly readSmall: ReadSmallFiles },
  signal: AbortSignal | undefined,
): Promise<Preparation> {
  const { stack, model, number, problems } = draft;
  if (model === undefined) return { problems };
  const { images: built, missing } = await sources.built.builtFor(caller, { stack, model, files: draft.files });
  if (missing.length > 0) return { missingBuilds: missing };
  // Adopted where it was started: its folder is on the hosts, and every path in it is one of theirs.
  const inHostFolder = stack.workingDirectory !== "";
  const hasSecrets = secretReferences(model).length > 0;
  const wanted = { stack, hasSecrets, images: imageReferences(model), signal };
  // A plan is for readers too; they send no host to registries, and none of the organization's credentials to a host.
  const resolver = mayDo(caller, "stacks.write") && wanted.images.length > 0 ? sources.resolver : hostsResolve;
  const { images: resolved, unresolved } = await resolver.resolve(caller, wanted);
  const images = [...built, ...resolved];
  const privileged = privilegedUses(model, inHostFolder ? HOST_PATHS : POLICY);
  const travelling = inHostFolder ? NOTHING_TRAVELS : bodyFiles(draft, model, WORKING_DIRECTORY);
  const files = stackFiles(travelling.files, await readSmall(caller, travelling.files));
  const body = encodeBody({
    stackId: stack.id,
    stackName: stack.name,
    number,
    model,
    files,
    composeFiles: travelling.composeFiles,
    images,
    privilegedServices: [...new Set(privileged.map((use) => use.service))],
  });
  const ofFiles = new Set(files.map(({ digest }) => digest).filter((digest) => digest !== ""));
  const storedTexts = travelling.files.flatMap(({ digest, content }) =>
    content !== undefined && ofFiles.has(digest) ? [content] : [],
  );
  const fetched = [...ofFiles, ...images.flatMap(layerDigests)];
  const warnings = [...problems, ...unresolved.map((one) => unresolvedWarning(one, wanted.images))];
  const encoded = { body: body.bytes, bodyDigest: body.digest };
  return { revision: { ...draft, ...encoded, model, images, fetched, storedTexts, privileged, warnings } };
}

// Built images are in no registry: hosts fetch them as files.
function layerDigests({ platforms }: ResolvedImage): string[] {
  return platforms.flatMap(({ layers, configDigest, configSizeBytes }) =>
    layers.length === 0 && configSizeBytes === 0n ? [] : [configDigest, ...layers.map(({ digest }) => digest)],
  );
}

function unresolvedWarning(
  { reference, why }: { readonly reference: string; readonly why: string },
  images: readonly ImageReference[],
): StoredProblem {
  const service = images.find((image) => image.reference === reference)?.services[0];
  return {
    severity: "warning",
    code: "WF_IMAGE_UNRESOLVED",
    file: "",
    line: 0,
    column: 0,
    keyPath: service === undefined ? "" : `services.${service}.image`,
    what: `what ${reference} stands for is not pinned in this revision`,
    why,
    fix: "nothing, if hosts may resolve it themselves; else correct the cause and create the revision again",
  };
}

/** The same builds as problems, for a plan. */
export function missingBuildProblem({ service, why }: MissingBuild): StoredProblem {
  return {
    severity: "error",
    code: "WF_BUILD_NEEDED",
    file: "",
    line: 0,
    column: 0,
    keyPath: `services.${service}.build`,
    what: `the image of the service "${service}" is not built from this source`,
    why,
    fix: "build it first: POST …/stacks/{stack_id}/builds with the same source",
  };
}
