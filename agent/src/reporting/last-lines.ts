import type { ObservedContainer, ServiceState, ServiceStatus } from "@windflow/core";
import type { StreamsEngine } from "../engines/streams-engine.ts";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { Redaction } from "./redaction.ts";

/** Enough for the end of a stack trace; they travel with every change of the host's state. */
const MAX_LINES = 20;
const MAX_LINE_CHARACTERS = 500;
/** Of what a container wrote at last; a program may write lines without an end. */
const MAX_BYTES = 64 * 1024;
/** A read takes milliseconds; an engine that hangs must not keep one open for ever. */
const READ_DEADLINE_MS = 10_000;

/** States that the last lines of a service explain. */
const TOLD: ReadonlySet<ServiceState> = new Set(["crash-looping", "failed", "unhealthy"]);

/** The last lines of services that do not keep running. Each end of a container is read once. */
export interface LastLines {
  /** What was read last, and if there is something newer, {@link LastLinesParts.onRead} is called when it has been read. */
  of(stackId: string, service: ServiceStatus, containers: readonly ObservedContainer[]): readonly string[];
}

export interface LastLinesParts {
  readonly engine: Pick<StreamsEngine, "containerLogs">;
  readonly redact: Redaction;
  readonly clock: Clock;
  readonly log: Log;
  onRead(): void;
}

interface Read {
  readonly key: string;
  readonly text: string;
}

export function createLastLines(parts: LastLinesParts): LastLines {
  const known = new Map<string, Read>();
  const reading = new Set<string>();

  const read = async (name: string, container: ObservedContainer, key: string): Promise<void> => {
    reading.add(name);
    const aborter = new AbortController();
    const cancel = parts.clock.after(READ_DEADLINE_MS, () => aborter.abort());
    try {
      const text = await tail(parts.engine, container.id, aborter.signal);
      if (aborter.signal.aborted) throw new Error("the engine took too long");
      known.set(name, { key, text });
      parts.onRead();
    } catch (error) {
      // The container may be gone already; the next end is read anew.
      parts.log("debug", "last lines not read", { containerId: container.id, reason: reasonOf(error) });
      known.set(name, { key, text: known.get(name)?.text ?? "" });
    } finally {
      cancel();
      reading.delete(name);
    }
  };
  return {
    of(stackId, service, containers) {
      const name = `${stackId} ${service.service}`;
      if (!TOLD.has(service.state)) {
        known.delete(name);
        return [];
      }
      const container = mostTelling(containers.filter(({ id }) => service.containerIds.includes(id)));
      const key = container && `${container.id} ${container.state} ${container.detail?.finishedAt ?? ""}`;
      if (container && key !== undefined && known.get(name)?.key !== key && !reading.has(name))
        read(name, container, key).catch((error: unknown) =>
          parts.log("error", "telling of last lines failed", { reason: reasonOf(error) }),
        );
      return linesOf(parts.redact(stackId, known.get(name)?.text ?? ""));
    },
  };
}

/** The one that ended last, else one that is unhealthy. */
function mostTelling(containers: readonly ObservedContainer[]): ObservedContainer | undefined {
  const ended = ({ detail }: ObservedContainer): number => detail?.finishedAt ?? 0;
  const isWell = ({ state, health }: ObservedContainer): boolean => state === "running" && health !== "unhealthy";
  return containers.toSorted((a, b) => Number(isWell(a)) - Number(isWell(b)) || ended(b) - ended(a))[0];
}

async function tail(engine: LastLinesParts["engine"], containerId: string, signal: AbortSignal): Promise<string> {
  let kept = Buffer.alloc(0);
  let isCut = false;
  for await (const { bytes } of engine.containerLogs(containerId, {
    follow: false,
    tail: MAX_LINES,
    timestamps: false,
    signal,
  })) {
    const all = Buffer.concat([kept, bytes]);
    isCut ||= all.length > MAX_BYTES;
    kept = all.subarray(-MAX_BYTES);
  }
  const text = kept.toString();
  // The rest of a line that was cut may hold half of a secret, which nobody could find.
  return isCut ? text.slice(text.indexOf("\n") + 1) : text;
}

// Redacted before it is cut: half a secret would not be found.
function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-MAX_LINES).map((line) => line.slice(0, MAX_LINE_CHARACTERS));
}
