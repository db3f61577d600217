import type { HashAnswer } from "./hash-worker.ts";

/** Gives the digest of a file; `onBytes` is told how much of it has been read. */
export type HashFile = (file: Blob, onBytes: (bytes: number) => void, signal: AbortSignal) => Promise<string>;

/** Hashes in a thread of its own, so that the page stays quick however large the file. One at a time; `close` ends it. */
export function createHasher(): { hash: HashFile; close: () => void } {
  let worker: Worker | undefined;
  let nextId = 1;

  const hash: HashFile = (file, onBytes, signal) =>
    new Promise((resolve, reject) => {
      worker ??= new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" });
      const current = worker;
      const id = nextId++;
      const end = (): void => {
        current.removeEventListener("message", onMessage);
        current.removeEventListener("error", onError);
        signal.removeEventListener("abort", onAbort);
      };
      const fail = (reason: unknown): void => {
        end();
        close();
        reject(reason);
      };
      const onAbort = (): void => fail(signal.reason);
      const onError = (event: ErrorEvent): void =>
        fail(new Error(event.message || "The thread that reads files ended."));
      const onMessage = ({ data }: MessageEvent<HashAnswer>): void => {
        if (data.id !== id) return;
        if ("bytes" in data) return onBytes(data.bytes);
        end();
        if ("digest" in data) resolve(data.digest);
        else reject(new Error(data.error));
      };
      if (signal.aborted) return reject(signal.reason);
      current.addEventListener("message", onMessage);
      current.addEventListener("error", onError);
      signal.addEventListener("abort", onAbort);
      current.postMessage({ id, file });
    });
  function close(): void {
    worker?.terminate();
    worker = undefined;
  }
  return { hash, close };
}
