import {
  type ComposeModel,
  type DeliveredImage,
  type DesiredStack,
  type ResolvedImage,
  repositoryOf,
  sha256Digest,
} from "@windflow/core";
import type { PlatformImage, StackBody } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";

/** `linux/amd64`, as image indexes name it. */
export function imagePlatform(arch: string): string {
  const names: Partial<Record<string, string>> = { x64: "amd64", arm64: "arm64", arm: "arm" };
  return `linux/${names[arch] ?? arch}`;
}

/**
 * A body as the reconciler takes it.
 * @param platform whose digests count, e.g. `linux/amd64`.
 * @throws AgentError WF_BODY_INVALID when the model is no JSON object.
 */
export function desiredStack(body: StackBody, bodyDigest: string, platform: string): DesiredStack {
  return {
    stackId: body.stackId,
    stackName: body.stackName,
    project: body.project,
    revision: body.revision,
    bodyDigest,
    model: parseModel(body),
    files: Object.fromEntries(body.files.map((file) => [file.path, sha256Digest(file.content)])),
    images: Object.fromEntries(body.images.map((image) => [image.reference, resolve(image, platform)])),
  };
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
