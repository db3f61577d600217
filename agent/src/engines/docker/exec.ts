import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { ExecRequest, ExecSession } from "../streams-engine.ts";
import { EngineError } from "../../reconcile/engine.ts";
import { asked } from "./connection.ts";
import { demultiplex, unframed } from "./demultiplex.ts";

const CREATED = 201;

/** Starts a command in a container with its standard streams attached. */
export async function startExec(docker: Docker, containerId: string, request: ExecRequest): Promise<ExecSession> {
  const exec = await asked(() =>
    docker.getContainer(containerId).exec({
      Cmd: [...request.command],
      Tty: request.tty,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      ...(request.user === undefined ? {} : { User: request.user }),
      ...(request.workingDirectory === undefined ? {} : { WorkingDir: request.workingDirectory }),
      ...(request.environment === undefined
        ? {}
        : { Env: Object.entries(request.environment).map(([name, value]) => `${name}=${value}`) }),
    }),
  );
  const stream: Duplex = await asked(() => exec.start({ hijack: true, stdin: true, Tty: request.tty }));
  const close = (): void => void stream.destroy();
  request.signal.addEventListener("abort", close, { once: true });
  stream.once("close", () => request.signal.removeEventListener("abort", close));
  // A reset at the end of a session is how some engines close; the output has ended then, which is all that counts.
  stream.on("error", close);
  const session: ExecSession = {
    output: untilClosed(request.tty ? unframed(stream) : demultiplex(stream)),
    write: (bytes) => written(stream, bytes),
    end: () => void stream.end(),
    resize: async (columns, rows) => {
      await asked(() => exec.resize({ w: columns, h: rows }) as Promise<unknown>).catch(unlessDone);
    },
    exitCode: async () => (await asked(() => exec.inspect())).ExitCode ?? undefined,
    close,
  };
  if (request.tty && request.columns !== undefined && request.rows !== undefined)
    await session.resize(request.columns, request.rows);
  return session;
}

// Podman answers 201, which the client does not expect.
function unlessDone(error: unknown): void {
  if (!(error instanceof EngineError && error.status === CREATED)) throw error;
}

async function* untilClosed<T>(output: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  try {
    yield* output;
  } catch (error) {
    const closed = error instanceof Error && "code" in error && CLOSED.has(String(error.code));
    if (!closed) throw error;
  }
}

const CLOSED: ReadonlySet<string> = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "ABORT_ERR", "EPIPE"]);

function written(stream: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
