import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { TestRegistry } from "./registry.ts";

/** A layer of an image that a test makes up. */
export interface MadeLayer {
  /** An uncompressed tar. */
  readonly tar: Uint8Array;
  readonly compression: "gzip" | "zstd" | "stored";
}

export interface MadeImage {
  /** Of the index, which names one manifest for linux/amd64 and one for another platform. */
  readonly indexDigest: string;
  readonly manifestDigest: string;
  /** All that the index names. */
  readonly manifests: readonly string[];
  readonly configDigest: string;
  /** As they lie in the registry, base first. */
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number; readonly diffId: string }[];
  /** Digest → bytes of everything. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

const TYPES = "application/vnd.oci.image";

/** "stored" is gzip that leaves the bytes as they are: large layers are made in no time. */
function packed(tar: Uint8Array, compression: MadeLayer["compression"]): Uint8Array {
  if (compression === "zstd") return zstdCompressSync(tar);
  return gzipSync(tar, compression === "stored" ? { level: 0 } : {});
}

/** A tar of one file. */
export function tarOfFile(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\x000000000\x000000000\x00", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\x00${"0".repeat(11)}\x00        0`, 124);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\x00 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(((512 - (content.length % 512)) % 512) + 1024)]);
}

/** An image as tools of today push it. Equal layers and command give equal bytes. */
export function makeImage(layers: readonly MadeLayer[], command: readonly string[]): MadeImage {
  const blobs = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array): { digest: string; size: number } => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const made = layers.map(({ tar, compression }) => ({
    mediaType: `${TYPES}.layer.v1.tar+${compression === "zstd" ? "zstd" : "gzip"}`,
    ...put(packed(tar, compression)),
  }));
  const diffIds = layers.map(({ tar }) => digestOf(tar));
  const config = put(
    json({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: command },
      rootfs: { type: "layers", diff_ids: diffIds },
      history: layers.map(() => ({ created_by: "a test" })),
    }),
  );
  const mediaType = `${TYPES}.manifest.v1+json`;
  const manifestWith = (annotations: Record<string, string>): { digest: string; size: number } =>
    put(
      json({
        schemaVersion: 2,
        mediaType,
        config: { mediaType: `${TYPES}.config.v1+json`, ...config },
        layers: made,
        annotations,
      }),
    );
  const manifest = manifestWith({});
  // A registry takes an index only when it has all that it names.
  const elsewhere = manifestWith({ platform: "another" });
  const index = put(
    json({
      schemaVersion: 2,
      mediaType: `${TYPES}.index.v1+json`,
      manifests: [
        { mediaType, ...elsewhere, platform: { os: "linux", architecture: "s390x" } },
        { mediaType, ...manifest, platform: { os: "linux", architecture: "amd64" } },
      ],
    }),
  );
  return {
    indexDigest: index.digest,
    manifestDigest: manifest.digest,
    manifests: [elsewhere.digest, manifest.digest],
    configDigest: config.digest,
    layers: made.map(({ digest, size }, i) => ({ digest, sizeBytes: size, diffId: diffIds[i] ?? "" })),
    blobs,
  };
}

/** Puts an image into a registry without TLS, by its API: no engine is needed. The tag stands for the index. */
export async function publishImage(registry: TestRegistry, name: string, tag: string, image: MadeImage): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${registry.username}:${registry.password}`).toString("base64")}`;
  const base = `http://${registry.address}/v2/${name}`;
  const send = async (method: string, url: string, body?: Uint8Array, type = "application/octet-stream") => {
    const headers = { authorization, "content-type": type };
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const { indexDigest, manifests, blobs } = image;
  for (const [digest, bytes] of blobs) {
    if (digest === indexDigest || manifests.includes(digest)) continue;
    const begun = await send("POST", `${base}/blobs/uploads/`);
    const place = new URL(begun.headers.get("location") ?? "", base);
    place.searchParams.set("digest", digest);
    await send("PUT", place.href, bytes);
  }
  for (const digest of manifests)
    await send("PUT", `${base}/manifests/${digest}`, blobs.get(digest), `${TYPES}.manifest.v1+json`);
  await send("PUT", `${base}/manifests/${tag}`, blobs.get(indexDigest), `${TYPES}.index.v1+json`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
