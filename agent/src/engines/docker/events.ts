import type Docker from "dockerode";
import { isRecord, parseLines, textOf } from "./json-lines.ts";
import type { EngineEvent, EventSubscription } from "../../reconcile/engine.ts";
import { asked } from "./connection.ts";

// exec events come with every health probe and say nothing about the world, so the engine is asked to leave them out.
const ACTIONS = [
  "create",
  "start",
  "restart",
  "stop",
  "die",
  // Podman filters by its own word, and says "die" all the same.
  "died",
  "kill",
  "oom",
  "pause",
  "unpause",
  "rename",
  "update",
  "destroy",
  "remove",
  "health_status",
  "connect",
  "disconnect",
  "pull",
  "tag",
  "untag",
  "delete",
  "load",
  "import",
  "mount",
  "reload",
] as const;
const TYPES = ["container", "network", "volume", "image", "daemon"] as const;

/** Opens the engine's event stream; resolves once the engine has answered, after which no event is missed. */
export async function subscribe(
  docker: Docker,
  listener: (event: EngineEvent) => void,
  since?: number,
): Promise<EventSubscription> {
  const aborter = new AbortController();
  const filters = JSON.stringify({ type: TYPES, event: ACTIONS });
  const options = { filters, abortSignal: aborter.signal, ...(since === undefined ? {} : { since: since / 1000 }) };
  const stream = await asked(() => docker.getEvents(options as unknown as Docker.GetEventsOptions));
  const ended = (async () => {
    try {
      for await (const line of parseLines(stream)) {
        const event = eventOf(line);
        if (event) listener(event);
      }
    } catch {
      // How the stream ended does not matter: whoever follows it looks at the engine anew.
    }
  })();
  return { ended, close: () => aborter.abort() };
}

function eventOf(line: unknown): EngineEvent | undefined {
  if (!isRecord(line)) return undefined;
  const actor = isRecord(line["Actor"]) ? line["Actor"] : {};
  const attributes = isRecord(actor["Attributes"]) ? actor["Attributes"] : {};
  const action = line["Action"] ?? line["status"];
  const type = textOf(line["Type"] ?? "container");
  const nanoseconds = line["timeNano"];
  const seconds = line["time"];
  const texts = Object.entries(attributes).map(([key, value]) => [key, textOf(value)]);
  return {
    at: typeof nanoseconds === "number" ? nanoseconds / 1e6 : Number(seconds ?? 0) * 1000,
    type,
    // Podman's word for the end of a container.
    action: type === "container" && action === "remove" ? "destroy" : textOf(action),
    id: textOf(actor["ID"] ?? line["id"]),
    name: textOf(attributes["name"]),
    attributes: Object.fromEntries(texts) as Record<string, string>,
  };
}
