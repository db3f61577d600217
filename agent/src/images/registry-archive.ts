import { blobPath, canonicalName, splitReference } from "../builds/oci-archive.ts";
import { smallFile, type TarSource, writeTar } from "../engines/docker/build-tar.ts";
import type { RegistryImage } from "./delivered-documents.ts";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/**
 * An archive that every engine takes and after which it has the image as if it had pulled it: the registry's own documents and layers,
 * compressed as they came. Layers of which `contentOf` gives nothing are left out: the engine has them.
 */
export function registryArchive(
  image: RegistryImage,
  parts: {
    /** Name and tag, or name and digest, that the engine shall know it by. */
    readonly reference: string;
    readonly contentOf: (digest: string) => AsyncIterable<Uint8Array> | undefined;
    /** Layers that go in unpacked, for an engine that does not unpack them: digest → size of their tars. */
    readonly unpacked?: ReadonlyMap<string, number>;
  },
): AsyncGenerator<Buffer, void> {
  const top = image.documents[0]?.bytes ?? new Uint8Array();
  const isPinned = parts.reference.includes("@");
  const { name, tag } = splitReference(parts.reference);
  const repository = isPinned ? parts.reference.slice(0, parts.reference.indexOf("@")) : name;
  const known = isPinned ? `${canonicalName(repository)}@${image.topDigest}` : `${canonicalName(name)}:${tag}`;
  const index = json({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      {
        mediaType: image.topType,
        digest: image.topDigest,
        size: top.length,
        annotations: {
          "io.containerd.image.name": known,
          ...(isPinned ? {} : { "org.opencontainers.image.ref.name": tag }),
        },
      },
    ],
  });
  const classic = json([
    {
      Config: blobPath(image.configDigest),
      RepoTags: isPinned ? null : [`${name}:${tag}`],
      Layers: image.layers.map(({ digest, diffId }) =>
        blobPath(parts.unpacked?.has(digest) === true ? diffId : digest),
      ),
    },
  ]);
  function* entries(): Generator<TarSource> {
    for (const { digest, bytes } of image.documents) yield smallFile(blobPath(digest), bytes);
    const written = new Set<string>();
    for (const { digest, diffId, sizeBytes } of image.layers) {
      const content = written.has(digest) ? undefined : parts.contentOf(digest);
      if (content === undefined) continue;
      written.add(digest);
      const file = { kind: "file", mode: 0o644, uid: 0, gid: 0, linkTarget: "" } as const;
      const size = parts.unpacked?.get(digest);
      yield size === undefined
        ? { ...file, path: blobPath(digest), sizeBytes, content }
        : { ...file, path: blobPath(diffId), sizeBytes: size, content };
    }
    yield smallFile("index.json", index);
    yield smallFile("manifest.json", classic);
    yield smallFile("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  }
  return writeTar(entries());
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
