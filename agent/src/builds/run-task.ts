import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { layerMark } from "@windflow/core";
import type { BuildTask } from "@windflow/proto/agent";
import type { BuildsEngine } from "../engines/builds-engine.ts";
import type { ContentSource, ContentStore } from "../files/content-store.ts";
import type { RegistryCredentials } from "../reconcile/engine.ts";
import type { StreamCall } from "../streams/stream-call.ts";
import { buildSettings } from "./build-settings.ts";
import { contextArchive, fetchContext } from "./context.ts";
import { manifestOf } from "./oci-archive.ts";
import { type SavedImage, takeApart } from "./saved-image.ts";

/** Pieces in which layers are sent: few messages, and none that the session waits behind for long. */
const PART_BYTES = 256 * 1024;

export interface TaskParts {
  readonly engine: BuildsEngine;
  /** Of this build, private, and removed with it. */
  readonly folder: string;
  readonly store: ContentStore;
  readonly source: ContentSource;
  readonly credentials: readonly RegistryCredentials[];
  readonly signal: AbortSignal;
  readonly onLine: (text: string) => void;
  readonly send: StreamCall["send"];
}

/** Builds the image of one task and sends it: the configuration, then the layers that are not known yet. */
export async function runTask(task: BuildTask, parts: TaskParts): Promise<void> {
  const { engine, signal, onLine } = parts;
  onLine(`building ${task.reference} for ${task.platform}`);
  await fetchContext(task, parts);
  await engine.buildImage(
    {
      reference: task.reference,
      context: contextArchive(task, parts.store),
      dockerfile: task.dockerfile,
      settings: buildSettings(task),
      credentials: parts.credentials,
      signal,
    },
    onLine,
  );
  const folder = join(parts.folder, "image");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const known = new Set(task.knownLayers);
    const image = await takeApart(await engine.saveImage(task.reference, signal), folder, (digest) =>
      known.has(layerMark(digest)),
    );
    await sendImage(task, image, parts);
    onLine(`built ${task.reference}: ${image.configDigest}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sendImage(task: BuildTask, image: SavedImage, { send, signal }: TaskParts): Promise<void> {
  const { config, configDigest, layers } = image;
  const manifest = manifestOf({ configDigest, configSizeBytes: config.length, layers });
  await send({
    $case: "builtImage",
    value: {
      service: task.service,
      platform: task.platform,
      configDigest,
      manifestDigest: manifest.digest,
      config,
      layerDigests: layers.map(({ digest }) => digest),
      layerSizes: layers.map(({ sizeBytes }) => BigInt(sizeBytes)),
      sizeBytes: BigInt(layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, config.length)),
    },
  });
  const sent = new Set<string>();
  for (const { digest, sizeBytes, file } of layers) {
    if (file === undefined || sent.has(digest)) continue;
    sent.add(digest);
    let offset = 0;
    for await (const piece of createReadStream(file, { highWaterMark: PART_BYTES })) {
      signal.throwIfAborted();
      const content = piece as Buffer;
      const part = { digest, sizeBytes: BigInt(sizeBytes), offset: BigInt(offset), content };
      await send({ $case: "filePart", value: part });
      offset += content.length;
    }
  }
}
