import { status } from "@grpc/grpc-js";
import type { ContentSource, ContentStore } from "../files/content-store.ts";
import { type Clock, pause } from "../platform/clock.ts";
import { reasonOf } from "../platform/log.ts";
import type { RegistryLayer } from "./delivered-documents.ts";

/** Where the bytes of a layer come from. */
export interface LayerSources {
  /** Over the agent's own connection; undefined while there is none. */
  link(): ContentSource | undefined;
  /**
   * Another host of the site that has the layer, or will have it in a moment; undefined when there is none and the layer is to come
   * over the link. Waits for one that is fetching it.
   */
  readonly peer: (digest: string, signal: AbortSignal) => Promise<LayerPeer | undefined>;
  /** The layer is here, or is not looked for any more. */
  readonly ended: (digest: string) => void;
}

export interface LayerPeer {
  readonly source: ContentSource;
  /** Another one is asked next time. */
  failed(reason: string): void;
}

// The agent comes back to its control plane after minutes at most; a rollout that waits for longer says so.
const SILENCE_MS = 600_000;
const AGAIN_MS = 1_000;

/** What the control plane answers for good; everything else passes. */
const FINAL: ReadonlySet<number> = new Set([
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
  status.INVALID_ARGUMENT,
]);

export function isFinal(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "number" && FINAL.has(code);
}

/**
 * Brings a layer to the disk, checked against its digest: from a host of the site where one has it, else over the link. Goes on over
 * links that break and come back, until nothing has come for ten minutes.
 */
export async function fetchLayer(layer: RegistryLayer, parts: FetchParts): Promise<void> {
  try {
    await fetchAtLast(layer, parts);
  } finally {
    parts.sources.ended(layer.digest);
  }
}

interface FetchParts {
  readonly store: ContentStore;
  readonly sources: LayerSources;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (count: number) => void;
}

async function fetchAtLast(layer: RegistryLayer, parts: FetchParts): Promise<void> {
  const { store, sources, clock, signal, onBytes } = parts;
  let heardAt = clock.now();
  const counted = (source: ContentSource): ContentSource =>
    async function* (digest, offset) {
      for await (const piece of source(digest, offset)) {
        signal.throwIfAborted();
        heardAt = clock.now();
        onBytes(piece.length);
        yield piece;
      }
    };
  for (;;) {
    signal.throwIfAborted();
    const peer = await sources.peer(layer.digest, signal);
    const source = peer?.source ?? sources.link();
    let reason = "there is no connection to the control plane";
    if (source !== undefined) {
      try {
        return await store.fetch(layer, counted(source));
      } catch (error) {
        signal.throwIfAborted();
        if (peer === undefined && isFinal(error)) throw error;
        reason = reasonOf(error);
        peer?.failed(reason);
      }
    }
    if (clock.now() - heardAt > SILENCE_MS)
      throw new Error(`nothing of the layer ${layer.digest} came for ${SILENCE_MS / 60_000} minutes: ${reason}`);
    if (peer === undefined) await pause(clock, AGAIN_MS, signal);
  }
}
