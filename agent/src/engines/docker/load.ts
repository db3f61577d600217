import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { EngineError } from "../../reconcile/engine.ts";
import { dialStream, sending } from "./build-dial.ts";
import { asked } from "./connection.ts";
import { isRecord, parseLines } from "./json-lines.ts";

const LOAD_FAILED = 500;
// The containerd store says "Loaded image" and then this, with a status of success.
const UNPACK_FAILED = /^Error unpacking/;

/** Puts an archive into the engine; what it says of a failure in the middle of its answer is thrown. */
export function load(docker: Docker, archive: AsyncIterable<Uint8Array>, aborted: AbortSignal): Promise<void> {
  return sending(archive, aborted, async (file, signal) => {
    const answer = await asked(() =>
      dialStream<Readable>(docker, {
        method: "POST",
        path: "/images/load?",
        options: { quiet: true },
        file,
        headers: { "Content-Type": "application/x-tar" },
        abortSignal: signal,
      }),
    );
    await asked(async () => {
      for await (const line of parseLines(answer)) {
        if (!isRecord(line)) continue;
        if (typeof line["error"] === "string") throw new EngineError(line["error"], LOAD_FAILED);
        if (typeof line["stream"] === "string" && UNPACK_FAILED.test(line["stream"]))
          throw new EngineError(line["stream"].trim(), LOAD_FAILED);
      }
    });
  });
}
