import type { DockerEngine } from "../engines/docker/index.ts";
import { EngineError } from "../reconcile/index.ts";

/** An engine that is not there, as on a host whose Docker is stopped: every call says so. For tests of all that is not the engine. */
export function absentEngine(): DockerEngine {
  const refuse = (): never => {
    throw new EngineError("no engine on this host", undefined);
  };
  return new Proxy({} as DockerEngine, {
    get: (_, name) => (name === "then" ? undefined : () => Promise.resolve().then(refuse)),
  });
}
