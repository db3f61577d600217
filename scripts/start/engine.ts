import { findEngine, startPrivateEngine } from "@windflow/installer";
import { join } from "node:path";

/** The engine that the local host works with. */
export interface LocalEngine {
  socketPath: string;
  /** For the person: which engine, and where it came from. */
  description: string;
  /** It was set up by this checkout: it ends with the start that began it. */
  own: boolean;
  /** It was running already. */
  adopted: boolean;
  stop(): Promise<void>;
}

/** The machine's engine when one answers, else a private one below `stateFolder`. */
export async function ensureEngine(
  root: string,
  stateFolder: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<LocalEngine> {
  const found = await findEngine(env);
  if (found !== undefined) {
    const name = found.kind === "podman" ? "Podman" : "Docker Engine";
    const description = `${name} ${found.version}, found at ${found.socketPath} (${found.from})`;
    return { socketPath: found.socketPath, description, own: false, adopted: true, stop: async () => undefined };
  }
  say("no Docker or Podman answers on this machine: setting up a private Docker Engine (nothing is installed) …");
  const engine = await startPrivateEngine({
    dataFolder: join(stateFolder, "engine"),
    cacheFolder: join(root, ".cache"),
    onProgress: say,
  });
  return {
    socketPath: engine.socketPath,
    description: `private Docker Engine ${engine.version}, ${engine.adopted ? "running already" : "started"} (${engine.socketPath})`,
    own: !engine.shared,
    adopted: engine.adopted,
    stop: () => engine.stop(),
  };
}
