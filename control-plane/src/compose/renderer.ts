import type { Worker } from "node:worker_threads";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { errorAt } from "./problem.ts";
import { renderHere, startRenderThread, type Rendered, type RenderRequest } from "./render-thread.ts";

/** Renders sources; large ones in a thread of their own, so that nobody else waits for them. */
export interface Renderer {
  /** Throws WF_RATE_LIMITED when too many large sources wait already. */
  render(request: RenderRequest): Promise<Rendered>;
  close(): Promise<void>;
}

// Nearly every file that people write is smaller, and rendered in a few milliseconds; of what is hostile, a text of this length
// can hold up the others for a moment only.
const THREAD_FROM_LENGTH = 32 * 1024;
// A file of 10,000 services takes about a second on a quiet machine; a call of the API ends after 60 s.
const DEADLINE_MS = 20_000;
// More than that would wait for longer than its callers do.
const MAX_WAITING = 20;

/** @param options.deadlineMs of one rendering in the thread, its start included */
export function createRenderer(options: { readonly deadlineMs?: number; readonly threadFrom?: number } = {}): Renderer {
  const { deadlineMs = DEADLINE_MS, threadFrom = THREAD_FROM_LENGTH } = options;
  let thread: Worker | undefined;
  let line: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function stopThread(): Promise<void> {
    const worker = thread;
    thread = undefined;
    await worker?.terminate();
  }

  function currentThread(): Worker {
    if (thread !== undefined) return thread;
    const worker = startRenderThread();
    // Whatever ends it: the next source gets a new one.
    worker.on("error", () => {
      if (thread === worker) thread = undefined;
    });
    thread = worker;
    return worker;
  }

  function renderThere(request: RenderRequest): Promise<Rendered> {
    const worker = currentThread();
    // Between two sources it does not keep the process alive.
    worker.ref();
    return new Promise<Rendered>((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        worker.off("message", rendered).off("error", failed);
        worker.unref();
        act();
      };
      const rendered = (answer: Rendered): void => settle(() => resolve(answer));
      const failed = (error: unknown): void =>
        settle(() =>
          isOutOfMemory(error) ? resolve(tooLarge(request, "it needs more memory than is allowed")) : reject(error),
        );
      const timer = setTimeout(() => {
        const answer = tooLarge(request, `it was stopped after ${deadlineMs / 1000} seconds`);
        settle(() => void stopThread().then(() => resolve(answer), reject));
      }, deadlineMs);
      worker.on("message", rendered).on("error", failed);
      worker.postMessage(request);
    });
  }

  return {
    render: async (request) => {
      if (lengthOf(request) < threadFrom) return renderHere(request);
      if (waiting >= MAX_WAITING) {
        const detail = `${waiting} other large sources are waiting to be rendered`;
        throw new ProblemError({ code: commonErrors.WF_RATE_LIMITED, detail });
      }
      waiting += 1;
      const turn = line.then(() => renderThere(request));
      line = turn.catch(() => undefined).then(() => void (waiting -= 1));
      return turn;
    },
    close: stopThread,
  };
}

function lengthOf({ input }: RenderRequest): number {
  let length = 0;
  for (const text of input.files.values()) length += text.length;
  return length;
}

function tooLarge({ input }: RenderRequest, why: string): Rendered {
  const at = { file: input.composeFiles[0] ?? "compose.yaml", line: 1, column: 1 };
  const fix = "split the stack into smaller ones";
  const problem = errorAt("WF_COMPOSE_LIMIT", at, [], { what: "the source is too large to be rendered", why, fix });
  return { model: undefined, problems: [problem], wantedTexts: [] };
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
