import { posix } from "node:path";
import {
  canonicalJson,
  imageReferenceOf,
  secretReferences,
  sha256Digest,
  type ComposeBuild,
  type ComposeModel,
} from "@windflow/core";
import type { TravellingFile } from "../files/index.ts";
import type { Violation } from "../platform/index.ts";
import { baseImages, type BaseImages } from "./dockerfile.ts";
import { COMPARISONS, dockerignore, TooManyPatterns, type Effort } from "./dockerignore.ts";

/** A service that is built, with everything that goes into its image but the platform. */
export interface PlannedBuild {
  readonly service: string;
  readonly reference: string;
  /** Of the service; empty means that of the host that builds. */
  readonly platform: string;
  /** Paths relative to the context; the Dockerfile among them. */
  readonly files: readonly TravellingFile[];
  readonly dockerfile: string;
  /** `build` of the model without paths. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly base: BaseImages;
  /** What is passed over, in words. */
  readonly warnings: readonly string[];
}

/** Text of a file by its absolute path; undefined when there is none, or it is no short text. */
export type ReadText = (path: string) => string | undefined;

// Each service has a list of its files, even when all have the same ones: what people build is far from both.
const MAXIMUM_BUILDS = 500;
const MAXIMUM_FILES = 100_000;

/** What a build of these files takes. Violations are what cannot be honoured, by name. */
export function buildInputs(
  model: ComposeModel,
  files: readonly TravellingFile[],
  textOf: ReadText,
): { readonly builds: readonly PlannedBuild[]; readonly violations: readonly Violation[] } {
  const builds: PlannedBuild[] = [];
  const violations: Violation[] = [];
  const effort: Effort = { left: COMPARISONS };
  const built = sorted(model.services).filter(([, { build }]) => build !== undefined);
  const tooMuch = (message: string): Violation => ({ path: "services", message });
  if (built.length > MAXIMUM_BUILDS) {
    const message = `${built.length} services have a build, and at most ${MAXIMUM_BUILDS} may: give those that are alike one image`;
    return { builds, violations: [tooMuch(message)] };
  }
  let listed = 0;
  for (const [service, { build = {}, platform = "", image }] of built) {
    const own = refusals(build).map(({ key, message }) => ({ path: `services.${service}.build.${key}`, message }));
    const context = own.length > 0 ? undefined : contextOf(build, files, { textOf, effort });
    if (context !== undefined && "problem" in context)
      own.push({ path: `services.${service}.build.${context.key}`, message: context.problem });
    violations.push(...own);
    if (context === undefined || "problem" in context) continue;
    listed += context.files.length;
    if (listed > MAXIMUM_FILES) {
      const message = `the contexts of its builds have more than ${MAXIMUM_FILES} files together: leave out what they do not need with a .dockerignore`;
      return { builds, violations: [...violations, tooMuch(message)] };
    }
    const reference = imageReferenceOf(model.name, service, { build, ...(image === undefined ? {} : { image }) });
    const settings = Object.fromEntries(
      SETTINGS.flatMap((key) => (build[key] === undefined ? [] : [[key, build[key]]])),
    );
    builds.push({ service, reference, platform, ...context, settings, warnings: ignoredKeys(build) });
  }
  return { builds, violations };
}

/** What of the builds reaches beyond the build's own container, as key paths with values. */
export function privilegedKeys(builds: readonly PlannedBuild[]): string[] {
  return builds.flatMap(({ service, settings: { network } }) =>
    typeof network !== "string" || OWN_NETWORKS.has(network) ? [] : [`services.${service}.build.network: ${network}`],
  );
}

/** Paths that have to be read as text before {@link buildInputs} can be asked. */
export function textsWanted(model: ComposeModel): string[] {
  return Object.values(model.services).flatMap(({ build }) => {
    if (build === undefined) return [];
    const context = build.context ?? "";
    const dockerfile = posix.resolve(context, build.dockerfile ?? DOCKERFILE);
    return [dockerfile, `${dockerfile}.dockerignore`, posix.join(context, ".dockerignore")];
  });
}

/** The name of an image by what goes into it: equal inputs are built once. The reference is no part of the image. */
export function inputDigest(build: PlannedBuild, platform: string): string {
  const { settings, dockerfile, files } = build;
  const listed = files.map(({ path, kind, digest, mode, uid, gid, linkTarget }) => ({
    path,
    kind,
    digest,
    mode,
    uid,
    gid,
    linkTarget,
  }));
  return sha256Digest(canonicalJson({ formula: FORMULA, platform, settings, dockerfile, files: listed }));
}

// Changes when the same input would give another image.
const FORMULA = 1;
const DOCKERFILE = "Dockerfile";
// Where a Dockerfile stands that is in the compose file, or outside of its context.
const OWN_DOCKERFILE = ".windflow.Dockerfile";

// Every other one is the host's, or that of a container that runs there.
const OWN_NETWORKS: ReadonlySet<string> = new Set(["", "default", "none"]);

// What goes to the engine. `cache_from`, `no_cache` and the like change how, not what.
const SETTINGS = ["args", "extra_hosts", "labels", "network", "pull", "shm_size", "target", "ulimits"] as const;

const REFUSED: readonly (readonly [keyof ComposeBuild, string])[] = [
  ["additional_contexts", "other contexts do not travel: copy what is needed into the context of the service"],
  ["entitlements", "the host's builder grants none"],
  ["isolation", "it is for Windows containers"],
  ["privileged", "a build that becomes root on the host that builds is not allowed"],
  ["secrets", "secrets are not given to builds: fetch what needs them when the container starts"],
  ["ssh", "keys are not given to builds: put the sources into the context"],
];
const IGNORED = ["cache_from", "cache_to", "provenance", "sbom", "tags"] as const;

function refusals(build: ComposeBuild): { key: string; message: string }[] {
  const refused: { key: string; message: string }[] = REFUSED.filter(([key]) => isGiven(build[key])).map(
    ([key, message]) => ({ key, message }),
  );
  // What a build is given stands in the image's history for everybody who has the image.
  for (const [key, value] of Object.entries(build)) {
    const service = { command: null, entrypoint: null, build: { [key]: value } as ComposeBuild };
    if (secretReferences({ name: "", services: { service } }).length > 0)
      refused.push({
        key,
        message: "takes the value of a secret, which would stand in the image for everybody to read",
      });
  }
  const context = build.context ?? "";
  if (!context.startsWith("/"))
    refused.push({
      key: "context",
      message: `${context} is not among the files of the stack: add the folder and name it here`,
    });
  return refused;
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function ignoredKeys(build: ComposeBuild): string[] {
  return IGNORED.filter((key) => isGiven(build[key])).map(
    (key) => `build.${key} has no effect here and is passed over`,
  );
}

type Context = Pick<PlannedBuild, "files" | "dockerfile" | "base">;

function contextOf(
  build: ComposeBuild,
  files: readonly TravellingFile[],
  { textOf, effort }: { readonly textOf: ReadText; readonly effort: Effort },
): Context | { readonly key: string; readonly problem: string } {
  const context = posix.resolve(build.context ?? "/");
  const below = context === "/" ? context : `${context}/`;
  const written = posix.resolve(context, build.dockerfile ?? DOCKERFILE);
  const inline = build.dockerfile_inline;
  const text = inline ?? textOf(written);
  if (text === undefined) {
    const wanted = build.dockerfile ?? DOCKERFILE;
    const problem = `${posix.join(context, wanted)} is not among the files of the stack, or is no text: add the file ${wanted}`;
    return { key: "dockerfile", problem };
  }
  const relative = posix.relative(context, written);
  const isInside = inline === undefined && !relative.startsWith("../");
  const patterns = textOf(`${written}.dockerignore`) ?? textOf(posix.join(context, ".dockerignore")) ?? "";
  const isOwn = (path: string): boolean => isInside && path === relative;
  const kept = keptFiles(filesBelow(files, below), { patterns, isOwn, effort });
  if (kept === undefined)
    return { key: "context", problem: "its .dockerignore has too many patterns for that many files: use fewer" };
  const { args = {} } = build;
  const given = Object.fromEntries(
    Object.entries(args).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  );
  const base = baseImages(text, given);
  if (isInside) return { files: kept, dockerfile: relative, base };
  return { files: [...kept, ownDockerfile(text)].toSorted(byPath), dockerfile: OWN_DOCKERFILE, base };
}

function filesBelow(files: readonly TravellingFile[], below: string): TravellingFile[] {
  return files.flatMap((file) =>
    file.path.startsWith(below) ? [{ ...file, path: file.path.slice(below.length) }] : [],
  );
}

/** Undefined when there is more to compare than may be. */
function keptFiles(
  files: readonly TravellingFile[],
  by: { readonly patterns: string; readonly isOwn: (path: string) => boolean; readonly effort: Effort },
): readonly TravellingFile[] | undefined {
  try {
    const ignored = dockerignore(by.patterns, by.effort);
    return files.filter(({ path }) => !ignored(path) || by.isOwn(path));
  } catch (error) {
    if (error instanceof TooManyPatterns) return undefined;
    throw error;
  }
}

function ownDockerfile(text: string): TravellingFile {
  const content = Buffer.from(text);
  const common = { kind: "file", mode: 0o644, uid: 0, gid: 0, linkTarget: "" } as const;
  return { ...common, path: OWN_DOCKERFILE, digest: sha256Digest(content), sizeBytes: content.length, content };
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function sorted<Value>(record: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
