import { createHash, type Hash } from "node:crypto";
import type { FileRow } from "./store.ts";

type Standing = Pick<FileRow, "digest" | "receivedBytes" | "touchedAt">;

/** Digests of files whose every piece came through this process, one behind the other: they need not be read again in the end. */
export interface RunningDigests {
  /** A piece was committed. @param before as the file was when the piece was appended */
  appended(organizationId: string, before: Standing, after: Standing, content: Uint8Array): void;
  /** `sha256:…` of all that is stored of the file; undefined unless all of it came through here. Asked once. */
  take(organizationId: string, file: Standing): string | undefined;
}

interface Running {
  readonly hash: Hash;
  /** What the row said after the last piece: somebody else's piece, or another beginning, says something else. */
  receivedBytes: number;
  touchedMs: number;
}

// More than are uploaded at a time; one that was forgotten is read in the end.
const MOST = 64;

export function createRunningDigests(): RunningDigests {
  const running = new Map<string, Running>();
  const keyOf = (organizationId: string, { digest }: Standing): string => `${organizationId} ${digest}`;
  const isAt = (own: Running | undefined, { receivedBytes, touchedAt }: Standing): own is Running =>
    own?.receivedBytes === receivedBytes && own.touchedMs === touchedAt.getTime();
  return {
    appended: (organizationId, before, after, content) => {
      const key = keyOf(organizationId, before);
      const known = running.get(key);
      running.delete(key);
      const own = before.receivedBytes === 0 ? { hash: createHash("sha256") } : isAt(known, before) ? known : undefined;
      if (own === undefined) return;
      own.hash.update(content);
      running.set(key, {
        hash: own.hash,
        receivedBytes: after.receivedBytes,
        touchedMs: after.touchedAt.getTime(),
      });
      for (const oldest of running.keys()) if (running.size > MOST) running.delete(oldest);
    },
    take: (organizationId, file) => {
      const key = keyOf(organizationId, file);
      const own = running.get(key);
      running.delete(key);
      return isAt(own, file) ? `sha256:${own.hash.digest("hex")}` : undefined;
    },
  };
}
