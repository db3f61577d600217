import type { Clock } from "../platform/clock.ts";
import { EngineError } from "./engine.ts";

/** The outcome of the call, or an {@link EngineError} when there is none in time; the call itself goes on unheard. */
export function within<T>(clock: Clock, ms: number, what: string, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () =>
      // Without a status: an engine that does not answer is as good as away.
      reject(new EngineError(`the engine did not answer within ${Math.round(ms / 1000)} s: ${what}`, undefined)),
    );
    call.then(resolve, reject).finally(cancel);
  });
}
