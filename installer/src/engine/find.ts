import { type EngineAnswer, pingEngine } from "./ping.ts";

/** An engine that already runs on this machine. */
export interface FoundEngine extends EngineAnswer {
  socketPath: string;
  /** Which setting or path led to it, for the person. */
  from: string;
}

/**
 * The engine this machine offers: DOCKER_HOST when it names a unix socket, then the usual sockets of Docker and Podman,
 * the system's before the user's. Undefined when none of them answers.
 */
export async function findEngine(env: NodeJS.ProcessEnv): Promise<FoundEngine | undefined> {
  for (const { socketPath, from } of candidates(env)) {
    const answer = await pingEngine({ socketPath });
    if (answer !== undefined) return { ...answer, socketPath, from };
  }
  return undefined;
}

/** The places looked at, in order. */
export function candidates(env: NodeJS.ProcessEnv): { socketPath: string; from: string }[] {
  const named = /^unix:\/\/(.+)$/.exec(env["DOCKER_HOST"] ?? "")?.[1];
  const runtime = env["XDG_RUNTIME_DIR"];
  const paths = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    ...(runtime === undefined ? [] : [`${runtime}/docker.sock`]),
    "/run/podman/podman.sock",
    ...(runtime === undefined ? [] : [`${runtime}/podman/podman.sock`]),
  ];
  return [
    ...(named === undefined ? [] : [{ socketPath: named, from: "DOCKER_HOST" }]),
    ...paths.map((socketPath) => ({ socketPath, from: socketPath })),
  ];
}
