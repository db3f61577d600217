import type { Event, EventsServiceService, WatchEventsResponse } from "@windflow/proto/api";
import { pageOf, readPage, withEventId, type Handlers } from "../api/index.ts";
import type { Database } from "../platform/index.ts";
import { readEvents, type NamedEventRow } from "./store.ts";
import type { Watched, Watcher } from "./watch.ts";

export function eventsHandlers(parts: { database: Database; watcher: Watcher }): Handlers<typeof EventsServiceService> {
  const { database, watcher } = parts;
  return {
    watchEvents: (request, context) =>
      watch(
        watcher.watch({
          organizationId: context.caller.organizationId,
          kinds: request.kinds,
          resumeAfter: context.resumeAfter,
          signal: context.signal,
        }),
      ),
    listEvents: async (request, { caller }) => {
      const { organizationId } = caller;
      const { hostId, stackId } = request;
      const query = { list: "events", hostId, stackId };
      const page = readPage(request.page, query);
      const [at, id] = page.after ?? [];
      const before = typeof at === "string" && typeof id === "string" ? { at: new Date(at), id } : undefined;
      const found = await database.inOrganization(
        caller,
        (tx) =>
          readEvents(tx, {
            organizationId,
            ...(hostId === "" ? {} : { hostId }),
            ...(stackId === "" ? {} : { stackId }),
            ...(before === undefined ? {} : { before }),
            limit: page.size + 1,
          }),
        { readOnly: true },
      );
      const { rows, nextPageToken } = pageOf(found, page, query, (row) => [row.at.toISOString(), row.id]);
      return { events: rows.map(eventToWire), nextPageToken };
    },
  };
}

async function* watch(messages: AsyncIterable<Watched>): AsyncGenerator<WatchEventsResponse> {
  for await (const message of messages) yield withEventId(watchedToWire(message), message.resumeId);
}

function watchedToWire(message: Watched): WatchEventsResponse {
  if (message.kind === "reset") return { kind: "reset", id: "", parentId: "", change: "", at: undefined };
  const { kind, id, parentId, change, at } = message.change;
  return { kind, id, parentId: parentId ?? "", change, at: new Date(at) };
}

function eventToWire(row: NamedEventRow): Event {
  return {
    id: row.id,
    at: row.at,
    type: row.type,
    message: row.message,
    hostId: row.host_id ?? "",
    stackId: row.stack_id ?? "",
    containerId: row.container_id ?? "",
    severity: row.severity,
    actor: row.actor,
    hostName: row.host_name ?? "",
    stackName: row.stack_name ?? "",
  };
}
