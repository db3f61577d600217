import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { packTree } from "../../images/package-tar.ts";
import type { Arch } from "../runtime.ts";

/** How containers of an image run; field names as in the image's configuration. */
export interface ImageSettings {
  User?: string;
  Entrypoint: readonly string[];
  Cmd?: readonly string[];
  Env: readonly string[];
  ExposedPorts?: Readonly<Record<string, object>>;
  Volumes?: Readonly<Record<string, object>>;
  /** Times in nanoseconds. */
  Healthcheck?: {
    Test: readonly string[];
    Interval: number;
    /** While it starts; engines before 25 pass over it. */
    StartInterval: number;
    Timeout: number;
    StartPeriod: number;
    Retries: number;
  };
  Labels: Readonly<Record<string, string>>;
}

export interface ImageArchive {
  /** Paths of the layers' tars, lowest first. */
  layers: readonly string[];
  settings: ImageSettings;
  arch: Arch;
  /** `repository:tag` that loading gives it. */
  reference: string;
  /** Path of the archive to write. */
  outfile: string;
  /** Folder for what is made on the way. */
  workFolder: string;
}

// An image has a time of making; this one is the same for the same files.
const MADE_AT = "1970-01-01T00:00:00Z";
const GZIP_LEVEL = 6;
const MEDIA = "application/vnd.oci.image";

interface Blob {
  digest: string;
  size: number;
}

/**
 * Writes an image as one file that `docker load`, `podman load` and tools for OCI layouts take: an OCI image layout with the
 * manifest.json of `docker save`. The same layers and settings give the same bytes. Gives the image's id ("sha256:…").
 */
export async function writeImageArchive(image: ImageArchive): Promise<string> {
  const folder = await mkdtemp(join(image.workFolder, "image-"));
  const blobs = join(folder, "blobs/sha256");
  try {
    await mkdir(blobs, { recursive: true });
    const layers: (Blob & { diffId: string })[] = [];
    for (const tar of image.layers) layers.push(await addLayer(tar, blobs));
    const config = await addJson(blobs, {
      created: MADE_AT,
      architecture: image.arch === "x64" ? "amd64" : "arm64",
      os: "linux",
      config: image.settings,
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created: MADE_AT, created_by: "npm run build" })),
    });
    const manifest = await addJson(blobs, {
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: { mediaType: `${MEDIA}.config.v1+json`, ...config },
      layers: layers.map(({ digest, size }) => ({ mediaType: `${MEDIA}.layer.v1.tar+gzip`, digest, size })),
    });
    await writeIndex(folder, image, config, layers, manifest);
    await normaliseModes(folder);
    await packTree(folder, image.outfile);
    return config.digest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeIndex(
  folder: string,
  { reference }: ImageArchive,
  config: Blob,
  layers: readonly Blob[],
  manifest: Blob,
): Promise<void> {
  const annotations = {
    "io.containerd.image.name": `docker.io/${reference}`,
    "org.opencontainers.image.ref.name": reference.slice(reference.indexOf(":") + 1),
  };
  const index = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: [{ mediaType: `${MEDIA}.manifest.v1+json`, ...manifest, annotations }],
  };
  const pathOf = ({ digest }: Blob): string => `blobs/${digest.replace(":", "/")}`;
  const saved = [{ Config: pathOf(config), RepoTags: [reference], Layers: layers.map(pathOf) }];
  await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(folder, "index.json"), JSON.stringify(index));
  await writeFile(join(folder, "manifest.json"), JSON.stringify(saved));
}

/** Compresses a layer into the blobs. `diffId` is the digest of what was not compressed. */
async function addLayer(tar: string, blobs: string): Promise<Blob & { diffId: string }> {
  const draft = join(blobs, "draft");
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  await pipeline(
    createReadStream(tar),
    passing(plain.update.bind(plain)),
    createGzip({ level: GZIP_LEVEL }),
    passing(compressed.update.bind(compressed)),
    createWriteStream(draft),
  );
  const hex = compressed.digest("hex");
  const { size } = await stat(draft);
  await rename(draft, join(blobs, hex));
  return { digest: `sha256:${hex}`, size, diffId: `sha256:${plain.digest("hex")}` };
}

function passing(look: (chunk: Buffer) => unknown): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      look(chunk);
      done(null, chunk);
    },
  });
}

async function addJson(blobs: string, value: unknown): Promise<Blob> {
  const text = JSON.stringify(value);
  const hex = createHash("sha256").update(text).digest("hex");
  await writeFile(join(blobs, hex), text);
  return { digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}

// Whatever the umask.
async function normaliseModes(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
