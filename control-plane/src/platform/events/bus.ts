import { field, type Log } from "../log.ts";

/**
 * The name of something that happened, with the shape of what is told about it. Payloads carry ids and small words
 * only: they travel through the database's notifications, and a listener reads the rows itself.
 */
export interface EventType<Payload extends object> {
  readonly name: string;
  /** For the type only; never set. */
  readonly payload?: Payload;
}

/** `export const hostChanged = eventType<{ organizationId: string; hostId: string }>("hosts.changed")` */
export function eventType<Payload extends object>(name: string): EventType<Payload> {
  return Object.freeze({ name });
}

export interface EventEnvelope {
  name: string;
  payload: object;
}

export interface EventBus {
  /** Tells this process's events from those of other replicas. */
  readonly replicaId: string;
  /** Calls `handler` for each event of the type, whichever replica it happened on. Returns how to stop. */
  on<Payload extends object>(type: EventType<Payload>, handler: (payload: Payload) => void): () => void;
  /** Calls `handler` when events may have been missed: read again what you watch. Returns how to stop. */
  onGap(handler: () => void): () => void;
  /** The events of a type as they come, until the signal aborts. `"gap"` stands where some may be missing. */
  stream<Payload extends object>(
    type: EventType<Payload>,
    options: { signal: AbortSignal; filter?: (payload: Payload) => boolean },
  ): AsyncIterable<Payload | "gap">;
  /** For the database and the listener: hands an event to this process's handlers. */
  deliver(event: EventEnvelope): void;
  gap(): void;
}

// A watcher that is this far behind reads everything again instead.
const STREAM_QUEUE = 1000;

export function createEventBus(options: { replicaId: string; log: Log }): EventBus {
  const handlers = new Map<string, Set<(payload: never) => void>>();
  const gapHandlers = new Set<() => void>();

  function on<Payload extends object>(type: EventType<Payload>, handler: (payload: Payload) => void): () => void {
    const own = (payload: Payload): void => handler(payload);
    const set = handlers.get(type.name) ?? new Set();
    set.add(own);
    handlers.set(type.name, set);
    return () => {
      set.delete(own);
      if (set.size === 0 && handlers.get(type.name) === set) handlers.delete(type.name);
    };
  }
  function onGap(handler: () => void): () => void {
    const own = (): void => handler();
    gapHandlers.add(own);
    return () => gapHandlers.delete(own);
  }
  function guarded(act: () => void, name: string): void {
    try {
      act();
    } catch (error) {
      options.log.error({ err: error, [field.area]: "events", [field.name]: name }, "A listener failed.");
    }
  }

  return {
    replicaId: options.replicaId,
    on,
    onGap,
    deliver: (event) => {
      for (const handler of handlers.get(event.name) ?? []) {
        guarded(() => (handler as (payload: object) => void)(event.payload), event.name);
      }
    },
    gap: () => {
      for (const handler of gapHandlers) guarded(handler, "gap");
    },
    stream: (type, streamOptions) => streamOf(type, streamOptions, on, onGap),
  };
}

// Subscribes at the call, not at the first read: what happens in between is not lost.
function streamOf<Payload extends object>(
  type: EventType<Payload>,
  options: { signal: AbortSignal; filter?: (payload: Payload) => boolean },
  on: EventBus["on"],
  onGap: EventBus["onGap"],
): AsyncIterable<Payload | "gap"> {
  let queue: (Payload | "gap")[] = [];
  let wake: (() => void) | undefined;
  const push = (item: Payload | "gap"): void => {
    if (queue.length >= STREAM_QUEUE) queue = ["gap"];
    else queue.push(item);
    wake?.();
  };
  const stops = [
    on(type, (payload) => {
      if (options.filter?.(payload) ?? true) push(payload);
    }),
    onGap(() => push("gap")),
  ];
  const stop = (): void => {
    for (const one of stops) one();
    wake?.();
  };
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();

  async function* items(): AsyncGenerator<Payload | "gap"> {
    try {
      while (!options.signal.aborted) {
        const item = queue.shift();
        if (item !== undefined) yield item;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      options.signal.removeEventListener("abort", stop);
      stop();
    }
  }
  return items();
}
