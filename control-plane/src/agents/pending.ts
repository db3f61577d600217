import { ProblemError, type Clock } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";

/** Questions that wait for a host's answer. */
export interface Pending {
  /** Resolves with the answer that `settle` gets for the id. `send` is told the id; false means that it could not be sent. */
  ask<Answer>(options: {
    send: (requestId: string) => boolean;
    deadlineMs: number;
    signal?: AbortSignal | undefined;
  }): Promise<Answer>;
  /** False when nobody waits for this id (any more). */
  settle(requestId: string, answer: unknown): boolean;
  /** Rejects all that wait. */
  failAll(error: Error): void;
}

// A host works on its requests one after the other; more than this would wait past their deadlines.
const MAX_WAITING = 64;

export function createPending(parts: { clock: Clock; newRequestId: () => string }): Pending {
  const waiting = new Map<string, { resolve: (answer: never) => void; reject: (error: unknown) => void }>();

  return {
    ask: async <Answer>(options: {
      send: (requestId: string) => boolean;
      deadlineMs: number;
      signal?: AbortSignal | undefined;
    }) => {
      options.signal?.throwIfAborted();
      if (waiting.size >= MAX_WAITING) throw new ProblemError({ code: agentsErrors.WF_HOST_BUSY });
      const requestId = parts.newRequestId();
      const answer = Promise.withResolvers<Answer>();
      // Sending may end the session, which rejects what waits before anybody here waits for it.
      answer.promise.catch(() => undefined);
      const ended = new AbortController();
      const onAbort = (): void => answer.reject(options.signal?.reason);
      waiting.set(requestId, answer);
      options.signal?.addEventListener("abort", onAbort, { once: true });
      parts.clock.sleep(options.deadlineMs, ended.signal).then(
        () => answer.reject(new ProblemError({ code: agentsErrors.WF_HOST_TIMEOUT })),
        () => undefined,
      );
      try {
        if (!options.send(requestId)) answer.reject(new ProblemError({ code: agentsErrors.WF_HOST_BUSY }));
        return await answer.promise;
      } finally {
        ended.abort();
        options.signal?.removeEventListener("abort", onAbort);
        waiting.delete(requestId);
      }
    },
    settle: (requestId, answer) => {
      const waiter = waiting.get(requestId);
      waiter?.resolve(answer as never);
      return waiter !== undefined;
    },
    failAll: (error) => {
      for (const waiter of waiting.values()) waiter.reject(error);
    },
  };
}
