import { describe, expect, it } from "vitest";
import { createLog } from "../platform/index.ts";
import { createEventBus } from "../platform/events/bus.ts";
import type { ResourceChange } from "./model.ts";
import { resourceChanged } from "./record.ts";
import { createWatcher, type Watched } from "./watch.ts";

const log = createLog({ level: "silent" });

function scene() {
  const bus = createEventBus({ replicaId: "rep_1", log });
  const watcher = createWatcher(bus);
  const change = (id: string, more: Partial<ResourceChange> = {}): void => {
    const payload: ResourceChange = {
      organizationId: "org_1",
      kind: "host",
      id,
      change: "updated",
      at: "2026-11-22T12:00:00Z",
      ...more,
    };
    bus.deliver({ name: resourceChanged.name, payload });
  };
  return { bus, watcher, change };
}

async function take(messages: AsyncIterable<Watched>, count: number): Promise<Watched[]> {
  const taken: Watched[] = [];
  if (count === 0) return taken;
  for await (const message of messages) {
    taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}
const words = (messages: Watched[]): string[] =>
  messages.map((one) => (one.kind === "reset" ? "reset" : one.change.id));
const options = { organizationId: "org_1", kinds: [], resumeAfter: undefined, signal: new AbortController().signal };

describe("watching changes", () => {
  it("begins with a reset, then gives the organization's changes of the kinds asked for", async () => {
    const { watcher, change } = scene();
    const messages = watcher.watch({ ...options, kinds: ["host"] });
    change("other", { organizationId: "org_2" });
    change("stack", { kind: "stack" });
    change("mine");
    expect(words(await take(messages, 2))).toEqual(["reset", "mine"]);
  });

  it("resumes after the last id without loss", async () => {
    const { watcher, change } = scene();
    const first = watcher.watch(options);
    change("a");
    const seen = await take(first, 2);
    change("b");
    change("c");
    const again = watcher.watch({ ...options, resumeAfter: seen[1]!.resumeId });
    change("d");
    expect(words(await take(again, 3))).toEqual(["b", "c", "d"]);
  });

  it("says reset to one that cannot be resumed, that is too slow, or after a gap", async () => {
    const { bus, watcher, change } = scene();
    expect(words(await take(watcher.watch({ ...options, resumeAfter: "rep_9.4" }), 1))).toEqual(["reset"]);
    const slow = watcher.watch(options);
    for (let index = 0; index < 1500; index++) change(`h${index}`);
    expect(words(await take(slow, 1))).toEqual(["reset"]);
    const watching = watcher.watch(options);
    bus.gap();
    expect(words(await take(watching, 2))).toEqual(["reset", "reset"]);
  });

  it("ends with its signal", async () => {
    const { watcher } = scene();
    const stop = new AbortController();
    const messages = watcher.watch({ ...options, signal: stop.signal });
    const all = take(messages, 99);
    stop.abort();
    expect(words(await all).length).toBeLessThanOrEqual(1);
  });
});
