import type pg from "pg";
import type { Clock } from "../clock.ts";
import { field, type Log } from "../log.ts";
import type { EventBus } from "./bus.ts";
import { isOwnNotify, NOTIFY_CHANNEL, parseNotify } from "./notify.ts";

// Short: until the connection is back, this replica does not hear the others.
const RECONNECT_MS = 1000;

/** Keeps one connection on which the events of the other replicas arrive. */
export async function startListener(parts: {
  connect: () => pg.Client;
  bus: EventBus;
  clock: Clock;
  log: Log;
}): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  let client: pg.Client | undefined;

  async function listen(): Promise<pg.Client> {
    const next = parts.connect();
    next.on("notification", (message) => {
      const { payload = "" } = message;
      if (isOwnNotify(payload, parts.bus.replicaId)) return;
      for (const event of parseNotify(payload)?.events ?? []) parts.bus.deliver(event);
    });
    next.on("error", (error) => {
      if (stopping.signal.aborted) return;
      parts.log.warn({ err: error, [field.area]: "events" }, "The listening connection broke.");
    });
    await next.connect();
    try {
      await next.query(`LISTEN ${NOTIFY_CHANNEL}`);
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
    next.once("end", () => {
      reconnect().catch((error: unknown) =>
        parts.log.error({ err: error, [field.area]: "events" }, "Listening failed."),
      );
    });
    return next;
  }

  async function reconnect(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await parts.clock.sleep(RECONNECT_MS, stopping.signal);
        client = await listen();
        if (stopping.signal.aborted) return await client.end();
        parts.bus.gap();
        parts.log.info({ [field.area]: "events" }, "The listening connection is back.");
        return;
      } catch {
        // Said once when it broke; the next round tries again.
      }
    }
  }

  client = await listen();
  return {
    stop: async () => {
      stopping.abort();
      await client?.end().catch(() => undefined);
    },
  };
}
