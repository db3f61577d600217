import { join } from "node:path";
import {
  type ComposeModel,
  type DeliveredImage,
  type DesiredStack,
  type ResolvedImage,
  repositoryOf,
} from "@windflow/core";
import type { PlatformImage, StackBody } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import {
  type Manifest,
  digestOf,
  modelOnHost,
  mountedTrees,
  onHost,
  readManifest,
  resolvePath,
} from "../files/index.ts";

/** `linux/amd64`, as image indexes name it. */
export function imagePlatform(arch: string): string {
  const names: Partial<Record<string, string>> = { x64: "amd64", arm64: "arm64", arm: "arm" };
  return `linux/${names[arch] ?? arch}`;
}

/** The host that a body is read for. */
export interface BodyReader {
  /** Whose digests count, e.g. `linux/amd64`. */
  readonly platform: string;
  /** Below it each stack's own files are, in a folder named as its project. */
  readonly stacksDir: string;
}

/**
 * A body as the reconciler takes it, with the stack's own files where they are on this host.
 * @throws AgentError WF_BODY_INVALID when the model is no JSON object or the files cannot be.
 */
export function desiredStack(body: StackBody, bodyDigest: string, { platform, stacksDir }: BodyReader): DesiredStack {
  const manifest = readManifest(body);
  const workingDirectory = join(stacksDir, body.project);
  const model = modelOnHost(parseModel(body), workingDirectory);
  return {
    stackId: body.stackId,
    stackName: body.stackName,
    project: body.project,
    revision: body.revision,
    bodyDigest,
    model,
    files: copiedFiles(body, manifest, workingDirectory),
    trees: Object.fromEntries(
      [...mountedTrees(manifest, { ...body, model, workingDirectory })].map(([source, { digest }]) => [source, digest]),
    ),
    workingDirectory,
    configFiles: body.composeFiles.map((path) => onHost(path, workingDirectory)),
    images: Object.fromEntries(body.images.map((image) => [image.reference, resolve(image, platform)])),
  };
}

/** What configs and secrets may name, links included. */
function copiedFiles(body: StackBody, manifest: Manifest, folder: string): Record<string, string> {
  const files = body.files.flatMap((file) =>
    file.folder || file.linkTarget !== "" ? [] : [[onHost(file.path, folder), digestOf(file)] as const],
  );
  const links = [...manifest.values()].flatMap((entry) => {
    const end = entry.kind === "link" ? manifest.get(resolvePath(manifest, entry.path) ?? "") : undefined;
    return end === undefined || end.digest === "" ? [] : [[join(folder, entry.path), end.digest] as const];
  });
  return Object.fromEntries([...files, ...links]);
}

function parseModel(body: StackBody): ComposeModel {
  try {
    const model: unknown = JSON.parse(Buffer.from(body.modelJson).toString());
    if (typeof model !== "object" || model === null || !("services" in model)) throw new TypeError("no services");
    return model as ComposeModel;
  } catch (cause) {
    throw new AgentError(
      "WF_BODY_INVALID",
      `The model of ${body.stackName} revision ${body.revision} cannot be read.`,
      { cause },
    );
  }
}

function resolve(image: StackBody["images"][number], platform: string): ResolvedImage | undefined {
  // A digest without a platform is that of an index (or of the only manifest): every host pulls by it.
  const own =
    image.platforms.find((candidate) => candidate.platform === platform) ??
    image.platforms.find((candidate) => candidate.platform === "");
  if (own === undefined) return undefined;
  const ids = [own.configDigest, own.manifestDigest].filter((digest) => digest !== "");
  if (ids.length === 0) return undefined;
  if (own.layers.length > 0 || own.configSizeBytes > 0) return { ids, delivered: deliveredImage(image.reference, own) };
  return own.manifestDigest === ""
    ? { ids }
    : { ids, pullFrom: `${repositoryOf(image.reference)}@${own.manifestDigest}` };
}

function deliveredImage(reference: string, own: PlatformImage): DeliveredImage {
  return {
    configDigest: own.configDigest,
    configSizeBytes: Number(own.configSizeBytes),
    manifestDigest: own.manifestDigest,
    layers: own.layers.map((layer) => ({ digest: layer.digest, sizeBytes: Number(layer.sizeBytes) })),
    platform: own.platform,
    tags: [reference],
  };
}
