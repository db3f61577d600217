import type { ExecStream, StreamEnd } from "@windflow/proto/agent";
import type { StreamsEngine } from "../engines/streams-engine.ts";
import { type StreamCall, sendOutput } from "./stream-call.ts";

/** Runs a command in a container until it ends, or the reader leaves. */
export async function streamExec(
  request: ExecStream,
  engine: Pick<StreamsEngine, "exec">,
  call: StreamCall,
): Promise<StreamEnd> {
  const session = await engine.exec(request.containerId, {
    command: request.command,
    tty: request.tty,
    signal: call.closed,
    ...(request.user === "" ? {} : { user: request.user }),
    ...(request.columns > 0 ? { columns: request.columns } : {}),
    ...(request.rows > 0 ? { rows: request.rows } : {}),
  });
  call.onInput((bytes) => session.write(Buffer.from(bytes)));
  // The command may have ended while the window was dragged.
  call.onResize((columns, rows) => void session.resize(columns, rows).catch(() => undefined));
  try {
    for await (const chunk of session.output) {
      await sendOutput(call, chunk.stream === "stderr" ? "errorOutput" : "output", chunk.bytes);
    }
    if (call.closed.aborted) return { exitCode: 0, problem: "", code: "" };
    return { exitCode: (await session.exitCode()) ?? 0, problem: "", code: "" };
  } finally {
    session.close();
  }
}
