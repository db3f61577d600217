import type { StreamItem, WatchEventsResponse } from "@windflow/proto/client";

/** Waits between two tries to open the stream: doubles from the first to the last, with jitter so that browsers spread. */
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15_000;
/** The control plane writes at least each 15 s. Three times nothing: the connection is dead, though nobody has said so. */
const SILENT_MS = 45_000;
const NAME = "windflow.events";

export type StreamState = "connecting" | "live" | "waiting";
export interface WatchOptions {
  signal: AbortSignal;
  lastEventId: string | undefined;
  /** To be called when the stream has opened, and whenever bytes arrive on it. */
  onAlive(): void;
}
export interface EventStreamConfig {
  organization: string;
  watch(options: WatchOptions): AsyncIterable<StreamItem<WatchEventsResponse>>;
  onChange(change: WatchEventsResponse): void;
  onState(state: StreamState): void;
}
type Part = { change: WatchEventsResponse } | { state: StreamState } | { ask: true };

/**
 * Follows the changes of an organization until `signal` aborts. All tabs of a browser share one stream: HTTP/1.1 allows six
 * connections an origin, so the tab that holds the lock reads and tells the others.
 */
export async function followEvents(config: EventStreamConfig, signal: AbortSignal): Promise<void> {
  const name = `${NAME}.${config.organization}`;
  const channel = new BroadcastChannel(name);
  let own: StreamState | undefined;
  channel.addEventListener("message", ({ data }: MessageEvent<Part>) => {
    if ("change" in data) config.onChange(data.change);
    else if ("state" in data) config.onState(data.state);
    else if (own !== undefined) channel.postMessage({ state: own });
  });
  const tell = (part: { change: WatchEventsResponse } | { state: StreamState }): void => {
    if ("change" in part) config.onChange(part.change);
    else config.onState((own = part.state));
    channel.postMessage(part);
  };
  // A tab that only listens learns how the stream is from the one that reads it.
  channel.postMessage({ ask: true });
  try {
    // A page that is not secure has no locks, whatever the types say.
    const locks = navigator.locks as LockManager | null | undefined;
    if (!locks) await readUntilAborted(config, tell, signal);
    else await locks.request(name, { signal }, () => readUntilAborted(config, tell, signal));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    channel.close();
  }
}

async function readUntilAborted(
  config: EventStreamConfig,
  tell: (part: { change: WatchEventsResponse } | { state: StreamState }) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastEventId: string | undefined;
  let waitMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    tell({ state: "connecting" });
    const attempt = new AbortController();
    let live = false;
    let silence = setTimeout(() => attempt.abort(), SILENT_MS);
    const onAlive = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => attempt.abort(), SILENT_MS);
      if (!live) tell({ state: "live" });
      live = true;
      waitMs = RETRY_FIRST_MS;
    };
    try {
      const items = config.watch({ signal: AbortSignal.any([signal, attempt.signal]), lastEventId, onAlive });
      for await (const { id, message } of items) {
        if (id !== undefined) lastEventId = id;
        tell({ change: message });
      }
    } catch {
      // The reason is shown by the pages' own calls; the stream only tries again.
    } finally {
      clearTimeout(silence);
    }
    if (signal.aborted) return;
    tell({ state: "waiting" });
    await pause(waitMs * (0.5 + Math.random() / 2), signal);
    waitMs = Math.min(waitMs * 2, RETRY_LAST_MS);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
