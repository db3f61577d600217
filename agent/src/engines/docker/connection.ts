import { Agent } from "node:http";
import { inspect } from "node:util";
import type Docker from "dockerode";
import { EngineError } from "../../reconcile/engine.ts";
import { createPodman, isPodman, type Podman } from "./podman.ts";

// The API that was written against; an older engine is spoken to in its own version.
const NEWEST_API_MINOR = 51;
// Below this (Docker 20.10) requests would have to be shaped differently.
const OLDEST_API_MINOR = 41;
// Lists, four steps at once, streams of logs and terminals: enough that none queues behind another.
const MAXIMUM_SOCKETS = 128;
const MAXIMUM_IDLE_SOCKETS = 8;

// What a socket says when nobody is there, nobody may speak, or the other side went away in the middle.
const AWAY: ReadonlySet<string> = new Set([
  "EACCES",
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "ENOTSOCK",
  "EPERM",
  "EPIPE",
  "ETIMEDOUT",
]);

/** dockerode's modem prints its whole request options before each call, even when nobody listens; the agent in it must stay cheap to print. */
class EngineAgent extends Agent {
  [inspect.custom](): string {
    return "EngineAgent";
  }
}

/** A spoken-to engine: its client, and the minor of the API version that both sides know. */
export interface Connection {
  readonly docker: Docker;
  readonly apiMinor: number;
  /** Set when the engine is Podman. */
  readonly podman?: Podman;
}

/** Connects lazily and keeps the connection's version until {@link EngineLink.forget}, after which an upgraded engine is asked anew. */
export interface EngineLink {
  connect(): Promise<Connection>;
  forget(): void;
}

export function createLink(socketPath: string): EngineLink {
  let connection: Promise<Connection> | undefined;
  const agent = new EngineAgent({ keepAlive: true, maxSockets: MAXIMUM_SOCKETS, maxFreeSockets: MAXIMUM_IDLE_SOCKETS });
  const forget = (): void => {
    connection = undefined;
  };
  return {
    connect() {
      connection ??= open(socketPath, agent).catch((error: unknown) => {
        forget();
        throw error;
      });
      return connection;
    },
    forget,
  };
}

/** Runs a call and turns what the engine answered, or that it did not answer, into an {@link EngineError}. */
export async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw engineError(error);
  }
}

/**
 * The engine's own words, once: what was thrown around them says the same again.
 * Anything else that was thrown is a fault of ours and stays what it is: it must not look like an engine that is away.
 */
export function engineError(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error("an engine call failed", { cause: thrown });
  if (thrown instanceof EngineError) return thrown;
  const { statusCode, json, code } = thrown as Error & {
    statusCode?: unknown;
    json?: { message?: unknown } | null;
    code?: unknown;
  };
  if (typeof statusCode === "number") {
    const message = typeof json?.message === "string" ? json.message : thrown.message.trim();
    return new EngineError(message, statusCode);
  }
  if (typeof code === "string" && AWAY.has(code)) return new EngineError(thrown.message, undefined);
  return thrown;
}

/** Status of the engine's answer, if it is one. */
export function statusOf(error: Error): number | undefined {
  return error instanceof EngineError ? error.status : undefined;
}

async function open(socketPath: string, agent: Agent): Promise<Connection> {
  // Imported on first use: its dependencies are half of the agent's start-up time.
  const { default: DockerClient } = await import("dockerode");
  const create = (version?: string): Docker =>
    // The explicit host keeps DOCKER_HOST of the environment out: only the configured socket is spoken to.
    new DockerClient({
      socketPath,
      host: undefined,
      protocol: "http",
      agent,
      ...(version === undefined ? {} : { version }),
    } as unknown as Docker.DockerOptions);
  const versions = await asked(() => create().version());
  const newest = minorOf(versions.ApiVersion);
  const oldest = minorOf(versions.MinAPIVersion);
  const apiMinor = Math.min(newest, NEWEST_API_MINOR);
  if (apiMinor < OLDEST_API_MINOR)
    throw new EngineError(
      `the engine speaks API ${versions.ApiVersion}; 1.${OLDEST_API_MINOR} or newer is needed`,
      400,
    );
  if (apiMinor < oldest)
    throw new EngineError(
      `the engine wants API ${versions.MinAPIVersion} or newer; this agent speaks 1.${NEWEST_API_MINOR}: update it`,
      400,
    );
  const docker = create(`v1.${apiMinor}`);
  return { docker, apiMinor, ...(isPodman(versions) ? { podman: createPodman(create()) } : {}) };
}

function minorOf(version: string | undefined): number {
  return Number((version ?? "1.0").split(".")[1] ?? 0);
}
