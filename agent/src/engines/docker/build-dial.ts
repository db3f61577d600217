import { Readable } from "node:stream";
import type Docker from "dockerode";
import { dial, type DialOptions } from "./dial.ts";

/** A call whose answer's body comes as a stream, or as the socket itself. */
export function dialStream<Answer>(
  docker: Docker,
  options: Omit<DialOptions, "statusCodes" | "isStream">,
): Promise<Answer> {
  return dial(docker, {
    ...options,
    isStream: options.hijack !== true,
    statusCodes: { 200: true, 500: "server error" },
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
