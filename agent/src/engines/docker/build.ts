import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { EngineError, type RegistryCredentials } from "../../reconcile/engine.ts";
import type { BuildRequest, BuildSettings } from "../builds-engine.ts";
import { dialStream, sending } from "./build-dial.ts";
import { openBuildSession } from "./build-session.ts";
import { createBuildTrace } from "./build-trace.ts";
import { asked } from "./connection.ts";
import { isRecord, parseLines } from "./json-lines.ts";
import { createLineCutter } from "./line-cutter.ts";

const BUILDKIT = "2";
const CLASSIC = "1";
const TRACE = "moby.buildkit.trace";
const BUILD_FAILED = 500;
// An error of the builder repeats the command that failed.
const ERROR_CHARACTERS = 4_000;

/** Builds an image. What the builder says comes as lines; a failure is thrown in its words. */
export async function build(docker: Docker, request: BuildRequest, onLine: (line: string) => void): Promise<void> {
  const { credentials } = request;
  const builder = await builderOf(docker);
  const session =
    builder.version === BUILDKIT ? await asked(() => openBuildSession(docker, randomUUID(), credentials)) : undefined;
  try {
    await sending(request.context, request.signal, async (file, signal) => {
      const output = await asked(() =>
        dialStream<Readable>(docker, {
          method: "POST",
          path: "/build?",
          file,
          abortSignal: signal,
          options: {
            t: request.reference,
            dockerfile: request.dockerfile,
            ...settingsOf(request.settings, builder),
            forcerm: true,
            version: builder.version,
            ...(session === undefined ? {} : { session: session.id }),
          },
          ...(session === undefined ? { registryconfig: registryConfig(credentials) } : {}),
        }),
      );
      await asked(() => readOutput(output, onLine));
    });
  } finally {
    session?.close();
  }
  request.signal.throwIfAborted();
}

interface Builder {
  /** "2" when the engine builds with BuildKit: it says so itself. Podman, Windows and Docker 20.10 say something else. */
  readonly version: string;
  readonly isPodman: boolean;
}

async function builderOf(docker: Docker): Promise<Builder> {
  const answer = await asked(() => dialStream<IncomingMessage>(docker, { method: "GET", path: "/_ping" }));
  answer.resume();
  const { headers } = answer;
  return {
    version: headers["builder-version"] === BUILDKIT ? BUILDKIT : CLASSIC,
    isPodman: headers["libpod-api-version"] !== undefined,
  };
}

function settingsOf(settings: BuildSettings, { isPodman }: Builder): Record<string, unknown> {
  const { target, network, shmBytes, extraHosts } = settings;
  return {
    buildargs: settings.arguments,
    labels: settings.labels,
    ...(target === undefined ? {} : { target }),
    ...(network === undefined ? {} : { networkmode: network }),
    ...(shmBytes === undefined ? {} : { shmsize: shmBytes }),
    // Docker takes the parameter several times, Podman as one list.
    ...(extraHosts.length === 0 ? {} : { extrahosts: isPodman ? JSON.stringify(extraHosts) : extraHosts }),
    ...(settings.ulimits.length === 0
      ? {}
      : {
          ulimits: JSON.stringify(
            settings.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
          ),
        }),
    ...(settings.platform === "" ? {} : { platform: settings.platform }),
    ...(settings.noCache ? { nocache: true } : {}),
    ...(settings.pull ? { pull: true } : {}),
  };
}

function registryConfig(
  credentials: readonly RegistryCredentials[],
): Record<string, { username: string; password: string }> {
  return Object.fromEntries(
    credentials.map(({ serverAddress, username, password }) => [serverAddress, { username, password }]),
  );
}

async function readOutput(stream: AsyncIterable<unknown>, onLine: (line: string) => void): Promise<void> {
  const trace = createBuildTrace();
  const cutter = createLineCutter();
  for await (const line of parseLines(stream)) {
    if (!isRecord(line)) continue;
    // The engine has answered 200 by now, so this is the only sign that it failed.
    if (typeof line["error"] === "string") {
      for (const text of trace.rest()) onLine(text);
      throw new EngineError(line["error"].trim().slice(0, ERROR_CHARACTERS), BUILD_FAILED);
    }
    if (line["id"] === TRACE && typeof line["aux"] === "string")
      for (const text of trace.lines(line["aux"])) onLine(text);
    const { stream: output, status } = line;
    if (typeof output === "string") {
      for (const text of cutter.cut(output)) onLine(text);
    } else if (typeof status === "string" && !isRecord(line["progressDetail"])) onLine(status);
  }
  const last = cutter.rest();
  if (last !== undefined) onLine(last);
}
