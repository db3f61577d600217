import type { LogsStream, StreamEnd } from "@windflow/proto/agent";
import type { StreamsEngine } from "../engines/streams-engine.ts";
import { createLineCutter } from "./log-lines.ts";
import { createLogQueue } from "./log-queue.ts";
import type { StreamCall } from "./stream-call.ts";

/** Lines that come one by one are gathered this long; a person does not see it, a fast program saves most of its messages. */
const GATHER_MS = 40;

/** Sends a container's log until it ends, or the reader leaves. */
export async function streamLogs(
  request: LogsStream,
  engine: Pick<StreamsEngine, "containerLogs">,
  call: StreamCall,
): Promise<StreamEnd> {
  // A log takes no input; a reader that sends some must not stop its own credit.
  call.onInput(() => Promise.resolve());
  const queue = createLogQueue(request.follow);
  const cutters = { stdout: createLineCutter(false), stderr: createLineCutter(true) };
  let ended = false;
  let wake: () => void = () => undefined;

  const drain = async (): Promise<void> => {
    while (!call.closed.aborted && !(ended && queue.isEmpty)) {
      if (queue.isEmpty) await new Promise<void>((resolve) => (wake = resolve));
      if (!ended) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      while (!queue.isEmpty && !call.closed.aborted) {
        await call.credit.take(0);
        const { chunk, bytes } = queue.take();
        await call.credit.take(bytes);
        await call.send({ $case: "logs", value: chunk });
      }
    }
  };
  const fill = async (): Promise<void> => {
    try {
      for await (const output of engine.containerLogs(request.containerId, logsRequest(request, call.closed))) {
        for (const entry of cutters[output.stream].cut(output.bytes)) queue.push(entry);
        wake();
        while (queue.isFull && !request.follow && !call.closed.aborted)
          await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      }
      for (const cutter of [cutters.stdout, cutters.stderr]) for (const entry of cutter.rest()) queue.push(entry);
    } finally {
      ended = true;
      wake();
    }
  };
  const wakeAtEnd = (): void => wake();
  call.closed.addEventListener("abort", wakeAtEnd, { once: true });
  await Promise.all([fill(), drain()]);
  return { exitCode: 0, problem: "", code: "" };
}

function logsRequest(request: LogsStream, signal: AbortSignal): Parameters<StreamsEngine["containerLogs"]>[1] {
  return {
    follow: request.follow,
    timestamps: true,
    signal,
    ...(request.tail === 0 ? {} : { tail: request.tail }),
    ...(request.since === undefined ? {} : { since: request.since.getTime() / 1_000 }),
    ...(request.until === undefined ? {} : { until: request.until.getTime() / 1_000 }),
  };
}
