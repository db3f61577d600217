import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layerMark, sha256Digest } from "@windflow/core";
import { BuildTask, type StreamUp } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { smallFile, writeTar } from "../engines/docker/build-tar.ts";
import { openContentStore } from "../files/content-store.ts";
import { runTask } from "./run-task.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "task-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("layers are sent, but for those whose marks came with the task", async () => {
  const [base, own] = [Buffer.from("the base"), Buffer.from("what was built")];
  const blob = (bytes: Buffer): string => `blobs/sha256/${sha256Digest(bytes).slice("sha256:".length)}`;
  const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [sha256Digest(base), sha256Digest(own)] } }));
  const names = { Config: blob(config), Layers: [blob(base), blob(own)] };
  const archive = writeTar([
    ...[base, own, config].map((bytes) => smallFile(blob(bytes), bytes)),
    smallFile("manifest.json", Buffer.from(JSON.stringify([names]))),
  ]);
  const sent: NonNullable<StreamUp["kind"]>[] = [];
  await runTask(
    BuildTask.fromPartial({ service: "web", reference: "web", knownLayers: [layerMark(sha256Digest(base))] }),
    {
      engine: {
        buildImage: () => Promise.resolve(),
        saveImage: () => Promise.resolve(archive),
        loadImage: () => Promise.reject(new Error("nothing is loaded")),
        imageLayers: () => Promise.resolve(undefined),
        allLayers: () => Promise.resolve([]),
        imageFolder: () => Promise.resolve(folder),
      },
      folder,
      store: openContentStore(join(folder, "context")),
      source: () => {
        throw new Error("nothing is fetched");
      },
      credentials: [],
      signal: new AbortController().signal,
      onLine: () => undefined,
      send: (kind) => {
        sent.push(kind);
        return Promise.resolve();
      },
    },
  );
  expect(sent).toMatchObject([
    { $case: "builtImage", value: { layerDigests: [sha256Digest(base), sha256Digest(own)] } },
    { $case: "filePart", value: { digest: sha256Digest(own), offset: 0n } },
  ]);
});
