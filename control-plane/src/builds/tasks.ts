import { BuildTasks, type ContextFile } from "@windflow/proto/agent";
import { canonicalJson, layerMark } from "@windflow/core";
import type { TravellingFile } from "../files/index.ts";
import { ProblemError } from "../platform/index.ts";
import { buildsErrors } from "./errors.ts";
import type { PlannedBuild } from "./inputs.ts";

// Small ones come along with the list: a call for each would take longer than all of them.
const INLINE_BYTES = 64 * 1024;
const MAXIMUM_TASKS_BYTES = 32 * 1024 * 1024;
const MAXIMUM_CONTEXT_BYTES = 4 * 1024 ** 3;

/** What a host is told to build, encoded. Throws WF_BUILD_TOO_LARGE. */
export function encodeTasks(
  builds: readonly PlannedBuild[],
  host: { readonly platform: string; readonly noCache: boolean; readonly knownLayers: readonly string[] },
): Uint8Array {
  for (const { service, files } of builds) {
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (bytes <= MAXIMUM_CONTEXT_BYTES) continue;
    const detail = `the context of ${service} has ${Math.ceil(bytes / 1024 ** 2)} MiB; ${MAXIMUM_CONTEXT_BYTES / 1024 ** 2} MiB are allowed`;
    throw new ProblemError({ code: buildsErrors.WF_BUILD_TOO_LARGE, detail });
  }
  // Before it is encoded: every service of one folder has the same texts again.
  const inline = builds.reduce((sum, { files }) => sum + inlineBytes(files), 0);
  if (inline > MAXIMUM_TASKS_BYTES) throw tooLong(inline);
  const tasks = builds.map((build) => ({
    service: build.service,
    reference: build.reference,
    platform: build.platform === "" ? host.platform : build.platform,
    files: build.files.map(contextFile),
    dockerfile: build.dockerfile,
    buildJson: Buffer.from(canonicalJson(build.settings)),
    noCache: host.noCache,
    knownLayers: host.knownLayers.map(layerMark),
    baseImages: [...build.base.images],
  }));
  const bytes = BuildTasks.encode({ tasks }).finish();
  if (bytes.length <= MAXIMUM_TASKS_BYTES) return bytes;
  throw tooLong(bytes.length);
}

function inlineBytes(files: readonly TravellingFile[]): number {
  return files.reduce((sum, file) => sum + (isInline(file) ? file.sizeBytes : 0), 0);
}

function tooLong(bytes: number): ProblemError {
  const detail = `the list of files with their small contents has ${Math.ceil(bytes / 1024 ** 2)} MiB; ${MAXIMUM_TASKS_BYTES / 1024 ** 2} MiB are allowed`;
  return new ProblemError({ code: buildsErrors.WF_BUILD_TOO_LARGE, detail });
}

/** Files that the host fetches by their digests. */
export function fetchedFiles(builds: readonly PlannedBuild[]): TravellingFile[] {
  return builds.flatMap(({ files }) => files.filter((file) => file.kind === "file" && !isInline(file)));
}

function isInline({ content }: TravellingFile): boolean {
  return content !== undefined && content.length <= INLINE_BYTES;
}

function contextFile(file: TravellingFile): ContextFile {
  const { path, digest, sizeBytes, mode, uid, gid, linkTarget, kind, content } = file;
  return {
    path,
    digest,
    sizeBytes: BigInt(sizeBytes),
    mode,
    uid,
    gid,
    linkTarget,
    folder: kind === "folder",
    content: content !== undefined && isInline(file) ? content : new Uint8Array(),
  };
}
