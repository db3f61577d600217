import type { EventBus } from "../platform/index.ts";
import type { ResourceChange } from "./model.ts";
import { createRecentChanges } from "./recent.ts";
import { resourceChanged } from "./record.ts";

/** One message of a watch: a change, or "reset" when the client must read everything again. */
export type Watched =
  | { kind: "change"; change: ResourceChange; resumeId: string }
  | { kind: "reset"; resumeId: string };

export interface Watcher {
  /** The organization's changes as they come, until the signal aborts. Subscribes at the call. */
  watch(options: {
    organizationId: string;
    /** Only these kinds; empty means all. */
    kinds: readonly string[];
    resumeAfter: string | undefined;
    signal: AbortSignal;
  }): AsyncIterable<Watched>;
  close(): void;
}

// About five minutes of a busy fleet; a browser that was away for longer reads its page again.
const REMEMBERED_CHANGES = 5000;
// A client that is this far behind reads everything again instead.
const QUEUE = 1000;

export function createWatcher(bus: EventBus): Watcher {
  const recent = createRecentChanges(bus.replicaId, REMEMBERED_CHANGES);
  const subscribers = new Set<(message: Watched) => void>();
  const stops = [
    bus.on(resourceChanged, (change) => {
      const numbered = recent.add(change);
      tell({ kind: "change", change, resumeId: recent.resumeId(numbered.number) });
    }),
    bus.onGap(() => {
      recent.forget();
      tell({ kind: "reset", resumeId: recent.resumeId(recent.latest()) });
    }),
  ];
  function tell(message: Watched): void {
    for (const subscriber of subscribers) subscriber(message);
  }

  return {
    watch: (options) => {
      const wanted = (change: ResourceChange): boolean =>
        change.organizationId === options.organizationId &&
        (options.kinds.length === 0 || options.kinds.includes(change.kind));
      let queue: Watched[] = firstMessages(options.resumeAfter, wanted);
      let wake: (() => void) | undefined;
      const subscriber = (message: Watched): void => {
        if (message.kind === "change" && !wanted(message.change)) return;
        if (queue.length >= QUEUE) queue = [{ kind: "reset", resumeId: message.resumeId }];
        else queue.push(message);
        wake?.();
      };
      subscribers.add(subscriber);
      const stop = (): void => {
        subscribers.delete(subscriber);
        wake?.();
      };
      options.signal.addEventListener("abort", stop, { once: true });
      if (options.signal.aborted) stop();

      async function* messages(): AsyncGenerator<Watched> {
        try {
          while (!options.signal.aborted) {
            const message = queue.shift();
            if (message !== undefined) yield message;
            else await new Promise<void>((resolve) => (wake = resolve));
          }
        } finally {
          options.signal.removeEventListener("abort", stop);
          stop();
        }
      }
      return messages();
    },
    close: () => {
      for (const stop of stops) stop();
    },
  };

  // A first message at once also without changes: the client learns the id from which it can resume.
  function firstMessages(resumeAfter: string | undefined, wanted: (change: ResourceChange) => boolean): Watched[] {
    const missed = resumeAfter === undefined ? undefined : recent.since(resumeAfter);
    if (missed === undefined) return [{ kind: "reset", resumeId: recent.resumeId(recent.latest()) }];
    return missed
      .filter((one) => wanted(one.change))
      .map((one) => ({ kind: "change", change: one.change, resumeId: recent.resumeId(one.number) }));
  }
}
