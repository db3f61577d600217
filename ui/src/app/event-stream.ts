import type { ApiClient, WatchEventsResponse } from "@windflow/proto/client";

/** Waits between two tries to open the stream: doubles from the first to the last, with jitter so that browsers spread. */
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15_000;
const LOCK_NAME = "windflow.events";
const CHANNEL_NAME = "windflow.events";

export type StreamState = "connecting" | "live" | "waiting";
export interface EventStreamConfig {
  api: ApiClient;
  organization: string;
  onChange(change: WatchEventsResponse): void;
  onState(state: StreamState): void;
}
type Broadcast = { organization: string } & ({ change: WatchEventsResponse } | { state: StreamState });

/**
 * Follows the changes of an organization until `signal` aborts. All tabs of a browser share one stream: HTTP/1.1 allows six
 * connections an origin, so the tab that holds the lock reads and tells the others.
 */
export async function followEvents(config: EventStreamConfig, signal: AbortSignal): Promise<void> {
  const channel = new BroadcastChannel(CHANNEL_NAME);
  channel.addEventListener("message", (message: MessageEvent<Broadcast>) => {
    if (message.data.organization !== config.organization) return;
    if ("change" in message.data) config.onChange(message.data.change);
    else config.onState(message.data.state);
  });
  const tell = (part: { change: WatchEventsResponse } | { state: StreamState }): void => {
    if ("change" in part) config.onChange(part.change);
    else config.onState(part.state);
    channel.postMessage({ organization: config.organization, ...part });
  };
  try {
    // A page that is not secure has no locks, whatever the types say.
    const locks = navigator.locks as LockManager | null | undefined;
    if (!locks) await readUntilAborted(config, tell, signal);
    else
      await locks.request(`${LOCK_NAME}.${config.organization}`, { signal }, () =>
        readUntilAborted(config, tell, signal),
      );
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
  let opened = false;
  while (!signal.aborted) {
    tell({ state: "connecting" });
    const settled = window.setTimeout(() => {
      waitMs = RETRY_FIRST_MS;
      tell({ state: "live" });
      // Without an id to resume after, what changed while nobody listened is unknown.
      if (opened && lastEventId === undefined) tell({ change: { kind: "reset" } });
      opened = true;
    }, RETRY_FIRST_MS);
    try {
      const items = config.api.events.watchEvents({ organization: config.organization }, { signal, lastEventId });
      for await (const { id, message } of items) {
        if (id !== undefined) lastEventId = id;
        tell({ change: message });
      }
    } catch {
      // The reason is shown by the pages' own calls; the stream only tries again.
    } finally {
      window.clearTimeout(settled);
    }
    if (signal.aborted) return;
    tell({ state: "waiting" });
    await pause(waitMs * (0.5 + Math.random() / 2), signal);
    waitMs = Math.min(waitMs * 2, RETRY_LAST_MS);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
