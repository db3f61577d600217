import { sha256Digest } from "@windflow/core";
import { ProblemError } from "../platform/index.ts";
import { imagesErrors } from "./errors.ts";
import { isDigest } from "./reference.ts";

/** Bytes that lie in a registry, by what names them. */
export interface Descriptor {
  readonly digest: string;
  readonly sizeBytes: number;
}

export type ImageDocument =
  | { readonly kind: "index"; readonly manifests: readonly (Descriptor & { readonly platform: string })[] }
  | { readonly kind: "manifest"; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

const INDEX_TYPES = /(image\.index\.v1|manifest\.list\.v2)\+json$/;
const LAYER_TYPES = /(image\.layer\.v1\.tar(\+gzip|\+zstd)?|image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)$/;
// Docker itself stops at 125 layers.
const MOST_LAYERS = 500;
const MOST_MANIFESTS = 1_000;

/** Reads an index or a manifest. @throws ProblemError WF_IMAGE_UNSUPPORTED, WF_IMAGE_DAMAGED when it is not what `digest` names. */
export function readDocument(bytes: Uint8Array, digest: string): ImageDocument {
  if (sha256Digest(bytes) !== digest)
    throw new ProblemError({ code: imagesErrors.WF_IMAGE_DAMAGED, detail: `what came is not ${digest}` });
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw unsupported(`${digest} is no JSON`);
  }
  const { mediaType, manifests, config, layers } = record(read, digest);
  if (Array.isArray(manifests) || (typeof mediaType === "string" && INDEX_TYPES.test(mediaType)))
    return { kind: "index", manifests: list(manifests, MOST_MANIFESTS, digest).map((one) => platformed(one, digest)) };
  return {
    kind: "manifest",
    config: descriptor(config, digest),
    layers: list(layers, MOST_LAYERS, digest).map((layer) => {
      const type = record(layer, digest)["mediaType"];
      if (typeof type !== "string" || !LAYER_TYPES.test(type) || type.includes("nondistributable"))
        throw unsupported(`${digest} has a layer of the type ${String(type).slice(0, 100)}`);
      return descriptor(layer, digest);
    }),
  };
}

/**
 * The manifest of an index for a platform (`os/arch[/variant]`). Without a variant the first one of the architecture; with one the
 * manifest that names it, else one that names none.
 */
export function manifestFor(
  index: Extract<ImageDocument, { kind: "index" }>,
  platform: string,
): Descriptor | undefined {
  const [os = "", arch = "", variant] = platform.split("/");
  const own = index.manifests.filter(
    (one) => one.platform === `${os}/${arch}` || one.platform.startsWith(`${os}/${arch}/`),
  );
  if (variant === undefined) return own[0];
  return own.find((one) => one.platform === platform) ?? own.find((one) => one.platform === `${os}/${arch}`);
}

function platformed(value: unknown, digest: string): Descriptor & { platform: string } {
  const { platform } = record(value, digest);
  const { os = "", architecture = "", variant = "" } = (platform ?? {}) as Record<string, unknown>;
  const name = [os, architecture, variant].filter((part) => typeof part === "string" && part !== "").join("/");
  return { ...descriptor(value, digest), platform: name };
}

function descriptor(value: unknown, within: string): Descriptor {
  const { digest, size } = record(value, within);
  if (typeof digest !== "string" || !isDigest(digest)) throw unsupported(`${within} names something without a sha256`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw unsupported(`${within} names something without a size`);
  return { digest, sizeBytes: size };
}

function list(value: unknown, most: number, digest: string): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw unsupported(`${digest} is neither an index nor a manifest`);
  return value;
}

function record(value: unknown, digest: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw unsupported(`${digest} is neither an index nor a manifest`);
  return value as Record<string, unknown>;
}

function unsupported(detail: string): ProblemError {
  return new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail });
}
