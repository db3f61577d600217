import { privilegedUses, secretReferences, type ComposeModel, type PrivilegedUse } from "@windflow/core";
import type { ResolvedImage } from "@windflow/proto/agent";
import type { Caller } from "../platform/index.ts";
import { encodeBody } from "./body.ts";
import type { Draft } from "./drafts.ts";
import { imageReferences } from "./image-references.ts";
import type { StoredProblem } from "./model.ts";
import type { BuiltImages, ImageResolver } from "./ports.ts";

/** A draft that is good to deploy, ready to be stored or planned. */
export interface PreparedRevision extends Draft {
  readonly model: ComposeModel;
  readonly body: Uint8Array;
  readonly bodyDigest: string;
  readonly images: readonly ResolvedImage[];
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

// Until an installation can name folders that hosts may mount, every host path needs the permission.
const POLICY = { allowedBindRoots: [] };

/** Finds out about the images of a draft and encodes what hosts will receive. Outside of a unit of work: it may ask a host. */
export async function prepareDraft(
  caller: Caller,
  draft: Draft,
  sources: ImageSources,
  signal: AbortSignal | undefined,
): Promise<Preparation> {
  const { stack, model, number, problems } = draft;
  if (model === undefined) return { problems };
  const { images: built, missing } = await sources.built.builtFor(caller, { stack, model, files: draft.files });
  if (missing.length > 0) return { missingBuilds: missing };
  const hasSecrets = secretReferences(model).length > 0;
  const wanted = { stack, hasSecrets, images: imageReferences(model), signal };
  const { images: resolved, unresolved } =
    wanted.images.length === 0 ? { images: [], unresolved: [] } : await sources.resolver.resolve(caller, wanted);
  const images = [...built, ...resolved];
  const privileged = privilegedUses(model, POLICY);
  const body = encodeBody({
    stackId: stack.id,
    stackName: stack.name,
    number,
    model,
    files: [],
    images,
    privilegedServices: [...new Set(privileged.map((use) => use.service))],
  });
  const warnings = [...problems, ...unresolved.map(unresolvedWarning)];
  return { revision: { ...draft, model, body: body.bytes, bodyDigest: body.digest, images, privileged, warnings } };
}

function unresolvedWarning({ reference, why }: { readonly reference: string; readonly why: string }): StoredProblem {
  return {
    severity: "warning",
    code: "WF_IMAGE_UNRESOLVED",
    file: "",
    line: 0,
    column: 0,
    keyPath: "",
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
