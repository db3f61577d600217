import { sha256Digest } from "@windflow/core";
import { smallFile, type TarSource, writeTar } from "../engines/docker/build-tar.ts";

/** A built image as it travels: its configuration, and layers that are uncompressed tars. */
export interface TravellingImage {
  readonly configDigest: string;
  readonly configSizeBytes: number;
  /** Base first. */
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number }[];
}

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** The manifest that we write for an image: the same bytes on every host, so that its digest names the image everywhere. */
export function manifestOf(image: TravellingImage): { readonly bytes: Buffer; readonly digest: string } {
  const bytes = json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: image.configDigest, size: image.configSizeBytes },
    layers: image.layers.map(({ digest, sizeBytes }) => ({ mediaType: LAYER_TYPE, digest, size: sizeBytes })),
  });
  return { bytes, digest: sha256Digest(bytes) };
}

/**
 * An archive for the engine in the layout that every one of them takes: OCI, with the older manifest.json beside it. Layers of which
 * `contentOf` gives nothing are left out: the engine has them.
 */
export function imageArchive(
  image: TravellingImage,
  parts: {
    readonly reference: string;
    readonly config: Uint8Array;
    readonly contentOf: (digest: string) => AsyncIterable<Uint8Array> | undefined;
  },
): AsyncGenerator<Buffer, void> {
  const manifest = manifestOf(image);
  const { name, tag } = splitReference(parts.reference);
  const index = json({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      {
        mediaType: MANIFEST_TYPE,
        digest: manifest.digest,
        size: manifest.bytes.length,
        annotations: {
          "io.containerd.image.name": `${canonicalName(name)}:${tag}`,
          "org.opencontainers.image.ref.name": tag,
        },
      },
    ],
  });
  const classic = json([
    {
      Config: blobPath(image.configDigest),
      RepoTags: [`${name}:${tag}`],
      Layers: image.layers.map(({ digest }) => blobPath(digest)),
    },
  ]);
  function* entries(): Generator<TarSource> {
    yield smallFile(blobPath(image.configDigest), parts.config);
    yield smallFile(blobPath(manifest.digest), manifest.bytes);
    const written = new Set<string>();
    for (const { digest, sizeBytes } of image.layers) {
      const content = written.has(digest) ? undefined : parts.contentOf(digest);
      if (content === undefined) continue;
      written.add(digest);
      const file = { kind: "file", mode: 0o644, uid: 0, gid: 0, linkTarget: "" } as const;
      yield { ...file, path: blobPath(digest), sizeBytes, content };
    }
    yield smallFile("index.json", index);
    yield smallFile("manifest.json", classic);
    yield smallFile("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  }
  return writeTar(entries());
}

export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Name and tag; "latest" when there is none. */
export function splitReference(reference: string): { readonly name: string; readonly tag: string } {
  const colon = reference.indexOf(":", reference.lastIndexOf("/") + 1);
  return colon < 0
    ? { name: reference, tag: "latest" }
    : { name: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

// As containerd names images: with the registry, and with the Hub's own folder.
export function canonicalName(name: string): string {
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost")) return name;
  return rest.length === 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
