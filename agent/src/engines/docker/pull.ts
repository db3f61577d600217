import type Docker from "dockerode";
import { registryOf, repositoryOf } from "@windflow/core";
import { EngineError, type PulledImage, type PullProgress, type PullRequest } from "../../reconcile/engine.ts";
import { asked } from "./connection.ts";
import { authConfig, telling } from "./distribution.ts";
import { isRecord, parseLines } from "./json-lines.ts";

interface Layer {
  done: boolean;
  bytesDone: number;
  bytesTotal: number;
}

/** Pulls an image and gives it back as the engine has it. A failure in the middle of the stream is an error too. */
export async function pull(
  docker: Docker,
  request: PullRequest,
  onProgress: (progress: PullProgress) => void,
): Promise<PulledImage> {
  const { credentials, reference } = request;
  const act = { reference, address: registryOf(reference), signedIn: credentials !== undefined };
  const stream = await telling(act, () =>
    docker.pull(request.reference, {
      ...(request.platform === undefined ? {} : { platform: request.platform }),
      ...(request.signal === undefined ? {} : { abortSignal: request.signal }),
      ...(credentials === undefined ? {} : { authconfig: authConfig(credentials) }),
    }),
  );
  const layers = new Map<string, Layer>();
  await telling(act, async () => {
    for await (const line of parseLines(stream)) {
      if (!isRecord(line)) continue;
      // The engine has answered 200 by now, so this is the only sign that it failed.
      if (typeof line["error"] === "string") throw new EngineError(line["error"], 500);
      if (trackLayer(layers, line)) onProgress(summary(layers));
    }
  });
  const image = docker.getImage(reference);
  const inspected = await asked(() => image.inspect());
  if (request.tagAs !== undefined && !request.tagAs.includes("@")) await nameIt(image, request.tagAs);
  return { id: inspected.Id, digests: inspected.RepoDigests ?? [] };
}

// What was pulled by its digest has no name: docker compose would pull it again by its tag.
async function nameIt(image: Docker.Image, reference: string): Promise<void> {
  const repo = repositoryOf(reference);
  await asked(() => image.tag({ repo, tag: reference.slice(repo.length + 1) || "latest" }));
}

export function trackLayer(layers: Map<string, Layer>, line: Readonly<Record<string, unknown>>): boolean {
  const { id, status, progressDetail } = line;
  if (typeof id !== "string" || typeof status !== "string" || !/^[0-9a-f]{12}$/.test(id)) return false;
  const layer = layers.get(id) ?? { done: false, bytesDone: 0, bytesTotal: 0 };
  layers.set(id, layer);
  if (status === "Pull complete" || status === "Already exists") {
    layer.done = true;
    layer.bytesDone = layer.bytesTotal;
    return true;
  }
  // Only the download counts: the bytes of the extraction are other bytes, and would make the figure go back.
  if (status !== "Downloading" || !isRecord(progressDetail)) return status === "Pulling fs layer";
  layer.bytesDone = Number(progressDetail["current"] ?? 0);
  layer.bytesTotal = Number(progressDetail["total"] ?? layer.bytesTotal);
  return true;
}

function summary(layers: ReadonlyMap<string, Layer>): PullProgress {
  const all = [...layers.values()];
  return {
    layersDone: all.filter((layer) => layer.done).length,
    layersTotal: all.length,
    bytesDone: all.reduce((sum, layer) => sum + layer.bytesDone, 0),
    bytesTotal: all.reduce((sum, layer) => sum + layer.bytesTotal, 0),
  };
}
