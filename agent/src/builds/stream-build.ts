import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256Digest } from "@windflow/core";
import {
  type AgentServiceClient,
  type BuildStream,
  type BuildTask,
  BuildTasks,
  type StreamEnd,
} from "@windflow/proto/agent";
import type { BuildsEngine } from "../engines/builds-engine.ts";
import { AgentError } from "../errors.ts";
import { openContentStore } from "../files/content-store.ts";
import { reasonOf } from "../platform/log.ts";
import { EngineError } from "../reconcile/engine.ts";
import type { Registries } from "../registries/index.ts";
import { fetchFile } from "../session/channel.ts";
import type { StreamCall } from "../streams/stream-call.ts";
import { buildSettings } from "./build-settings.ts";
import { createLineQueue } from "./line-queue.ts";
import { runTask } from "./run-task.ts";

/** A list of files with their small contents; more is refused by the control plane already. */
const MAXIMUM_TASKS_BYTES = 64 * 1024 * 1024;

export interface BuildParts {
  readonly engine: BuildsEngine;
  /** Private to the agent; what a crash left there is removed at its start. */
  readonly folder: string;
  readonly registries: Pick<Registries, "authForAll">;
  /** Whether the owner of the machine allows every stack what makes its containers root here. */
  allowsPrivileged(): boolean;
}

// Every other network of a build is the host's own, or that of a container that runs here.
const OWN_NETWORKS: ReadonlySet<string | undefined> = new Set([undefined, "", "default", "none"]);

/** Removes what builds left behind that an earlier agent did not end. */
export function forgetBuilds(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Builds the images of the tasks, one after the other. The first that fails ends the build; closing the stream ends it on the engine. */
export async function streamBuild(
  request: BuildStream,
  client: AgentServiceClient,
  parts: BuildParts,
  call: StreamCall,
): Promise<StreamEnd> {
  call.onInput(() => Promise.resolve());
  const { closed: signal } = call;
  const { buildId } = request;
  const folder = join(parts.folder, folderName(buildId));
  const lines = createLineQueue((line) => call.send({ $case: "buildLine", value: line }));
  const pumping = lines.pump();
  const source = (digest: string, offset: number): AsyncIterable<Uint8Array> =>
    fetchFile(client, { digest, offset, buildId }, signal);
  let service = "";
  try {
    const store = openContentStore(join(folder, "context"));
    const tasks = await tasksOf(request, source);
    for (const task of tasks) {
      service = task.service;
      signal.throwIfAborted();
      requireAllowed(task, parts);
      const credentials = await parts.registries.authForAll(task.baseImages, { buildId });
      const onLine = (text: string): void => lines.push(task.service, text);
      await runTask(task, {
        engine: parts.engine,
        folder,
        store,
        source,
        credentials,
        signal,
        onLine,
        send: (kind) => call.send(kind),
      });
    }
    return { exitCode: 0, problem: "", code: "" };
  } catch (error) {
    const problem = problemOf(error, signal);
    lines.push(service, problem);
    await call.send({ $case: "buildFailure", value: { service, problem } });
    return { exitCode: 1, problem, code: "WF_BUILD_FAILED" };
  } finally {
    lines.end();
    await pumping;
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws AgentError WF_LOCAL_POLICY */
export function requireAllowed(task: BuildTask, parts: Pick<BuildParts, "allowsPrivileged">): void {
  const { network } = buildSettings(task);
  if (OWN_NETWORKS.has(network) || parts.allowsPrivileged()) return;
  throw new AgentError(
    "WF_LOCAL_POLICY",
    `The policy of this host does not allow the build of ${task.service} the network "${network ?? ""}". The owner of the machine can put "*" into "privilegedStacks" of the agent's policy file, or the build can go without it.`,
  );
}

async function tasksOf(
  request: BuildStream,
  source: (digest: string, offset: number) => AsyncIterable<Uint8Array>,
): Promise<readonly BuildTask[]> {
  if (request.tasksDigest === "") return request.tasks;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source(request.tasksDigest, 0)) {
    bytes += piece.length;
    if (bytes > MAXIMUM_TASKS_BYTES)
      throw new AgentError("WF_FRAME_INVALID", "The list of what is to be built is too long.");
    pieces.push(piece);
  }
  const list = Buffer.concat(pieces);
  if (sha256Digest(list) !== request.tasksDigest)
    throw new AgentError(
      "WF_FRAME_INVALID",
      "The list of what is to be built came with another content than its digest says.",
    );
  return BuildTasks.decode(list).tasks;
}

function problemOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "The build was ended from the other side.";
  if (error instanceof EngineError && error.unreachable)
    return `The engine went away in the middle of the build (${error.message}). Start the build again: the steps that were done are in its cache.`;
  return reasonOf(error);
}

// Ids are made by the control plane; a path is made of nothing else.
function folderName(buildId: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(buildId)) return buildId;
  throw new AgentError("WF_FRAME_INVALID", `"${buildId}" is no id of a build.`);
}
