import type { ApiClient, StoredFile } from "@windflow/proto/client";
import { asApiError } from "../../app/api.ts";

/** What the API takes in one piece. */
const CHUNK_BYTES = 1024 * 1024;
/** Files on their way at once: enough to hide the way there and back, few enough for the browser's six connections. */
const AT_ONCE = 3;
/** Digests in one question. */
const ASKED_AT_ONCE = 5_000;
/** A broken connection is tried again after these; then the person decides. */
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

export interface UploadFile {
  digest: string;
  blob: Blob;
}
export interface UploadOptions {
  api: Pick<ApiClient, "files">;
  organization: string;
  signal: AbortSignal;
  /** How much of a file is stored now, and whether that is all of it. */
  onStored(digest: string, bytes: number, whole: boolean): void;
  /** Waits between tries in milliseconds; for tests. */
  retryMs?: readonly number[];
}

/** Brings files to the control plane: asks first, sends only what is missing, goes on where an earlier upload ended. */
export async function uploadFiles(files: readonly UploadFile[], options: UploadOptions): Promise<void> {
  const wanted = [...new Map(files.map((file) => [file.digest, file])).values()];
  const missing: { file: UploadFile; from: number }[] = [];
  for (let at = 0; at < wanted.length; at += ASKED_AT_ONCE) {
    const some = wanted.slice(at, at + ASKED_AT_ONCE);
    const known = await askStored(
      some.map(({ digest }) => digest),
      options,
    );
    for (const file of some) {
      const from = Number(known.get(file.digest)?.receivedBytes ?? 0);
      const whole = file.blob.size > 0 && from >= file.blob.size;
      options.onStored(file.digest, from, whole);
      if (!whole) missing.push({ file, from });
    }
  }
  const queue = missing[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const { file, from } of queue) await sendFile(file, from, options);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** What is stored of these digests. */
export async function askStored(
  digests: string[],
  { api, organization, signal }: Pick<UploadOptions, "api" | "organization" | "signal">,
): Promise<Map<string, StoredFile>> {
  const answer = await api.files.checkFiles({ organization, digests }, { signal });
  return new Map((answer.files ?? []).map((file) => [file.digest ?? "", file]));
}

async function sendFile(file: UploadFile, from: number, options: UploadOptions): Promise<void> {
  const { api, organization, signal, onStored } = options;
  const retryMs = options.retryMs ?? RETRY_MS;
  const { digest, blob } = file;
  let offset = from;
  let failures = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const content = await base64(blob.slice(offset, offset + CHUNK_BYTES));
      const request = { organization, digest, sizeBytes: String(blob.size), offset: String(offset), content };
      const answer = await api.files.putFileChunk(request, { signal });
      const received = Number(answer.receivedBytes ?? 0);
      if (received >= blob.size) return onStored(digest, blob.size, true);
      if (received <= offset)
        throw new Error("The control plane took a piece of the file but has not more of it than before.");
      offset = received;
      failures = 0;
      onStored(digest, offset, false);
    } catch (error) {
      const wait = retryMs[failures];
      if (signal.aborted || wait === undefined || !isPassing(error)) throw error;
      failures += 1;
      await pause(wait, signal);
      const known = await askStored([digest], options).catch(() => undefined);
      offset = Number(known?.get(digest)?.receivedBytes ?? offset);
      if (blob.size > 0 && offset >= blob.size) return onStored(digest, blob.size, true);
    }
  }
}
/** Not reached, too busy or being started again: a second try may go well. */
function isPassing(error: unknown): boolean {
  const { status } = asApiError(error).problem;
  return (
    asApiError(error).code !== "WF_UI" &&
    (status === 0 || status === 429 || status === 502 || status === 503 || status === 504)
  );
}
function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve((reader.result as string).split(",", 2)[1] ?? ""));
    reader.addEventListener("error", () => reject(reader.error ?? new Error("The file could not be read.")));
    reader.readAsDataURL(blob);
  });
}
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
