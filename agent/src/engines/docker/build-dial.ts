import { Readable } from "node:stream";
import type Docker from "dockerode";

export interface DialOptions {
  readonly method: "GET" | "POST";
  /** Ends with "?" when there are options. */
  readonly path: string;
  /** Query parameters: texts, numbers and booleans as they are, lists repeated, objects as JSON. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly file?: NodeJS.ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly registryconfig?: Readonly<Record<string, unknown>>;
  readonly hijack?: boolean;
  readonly abortSignal?: AbortSignal;
}

/** A call that dockerode has no method for, or only one that does more; the answer's body as a stream. */
export function dial<Answer>(docker: Docker, options: DialOptions): Promise<Answer> {
  const modem = docker.modem as {
    dial(options: object, callback: (error: Error | null, answer: Answer) => void): void;
  };
  const request = { ...options, isStream: options.hijack !== true, statusCodes: { 200: true, 500: "server error" } };
  return new Promise((resolve, reject) => {
    modem.dial(request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** Sends a body that is made as it goes: what fails in making it ends the call, and is what is thrown. */
export async function sending<Result>(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  act: (file: Readable, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const file = Readable.from(body);
  const broken = new AbortController();
  file.on("error", (error) => broken.abort(error));
  try {
    return await act(file, AbortSignal.any([signal, broken.signal]));
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error;
  } finally {
    file.destroy();
  }
}
