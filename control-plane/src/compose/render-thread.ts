import { isMainThread, parentPort, workerData, Worker } from "node:worker_threads";
import type { ComposeModel } from "@windflow/core";
import type { Problem } from "./problem.ts";
// Not the whole platform: this file is a script of its own in an executable.
import { packagedAsset } from "../platform/packaged/assets.ts";
import { renderCompose, renderDeployable, type RenderInput } from "./render.ts";

/** "compose": as `docker compose config`; "hosts": as hosts can run it. */
export type RenderMode = "compose" | "hosts";

/** What can be sent from one thread to another. */
export interface Rendered {
  /** Absent when a problem is an error. */
  readonly model: ComposeModel | undefined;
  readonly problems: readonly Problem[];
  readonly wantedTexts: readonly string[];
}

export interface RenderRequest {
  readonly mode: RenderMode;
  readonly input: RenderInput;
}

// Tells our threads from those of others that load the same files, such as a test runner's.
const PURPOSE = "windflow-compose-render";
// Several times what the largest accepted source takes; beyond it the thread ends, and not the control plane.
const THREAD_MEMORY_MB = 1024;

export function renderHere({ mode, input }: RenderRequest): Rendered {
  const { model, problems, wantedTexts } = mode === "hosts" ? renderDeployable(input) : renderCompose(input);
  return { model, problems, wantedTexts };
}

/**
 * A thread that answers each {@link RenderRequest} with a {@link Rendered}. It runs this file, or the bundle that this file is
 * part of; an executable has no file to run and carries this one as a script.
 */
export function startRenderThread(): Worker {
  const script = packagedAsset("render-thread.cjs");
  return new Worker(script?.toString("utf8") ?? new URL(import.meta.url), {
    eval: script !== undefined,
    workerData: PURPOSE,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MB },
  });
}

if (!isMainThread && workerData === PURPOSE) {
  parentPort?.on("message", (request: RenderRequest) => parentPort?.postMessage(renderHere(request)));
}
