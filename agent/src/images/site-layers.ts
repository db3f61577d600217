import type { LayerTicket } from "@windflow/proto/agent";
import type { ContentStore } from "../files/content-store.ts";
import type { LayerPeer } from "./fetch-layers.ts";

/** Layers of other hosts of the site, and what they may have of ours. */
export interface SiteLayers {
  /** Layers are kept for others, and asked for of them first. */
  isOpen(): boolean;
  /** Undefined: nobody has it or will have it in a moment; it is to come over the link, and others wait for it from now on. */
  readonly find: (digest: string, signal: AbortSignal) => Promise<LayerPeer | undefined>;
  /** The layer is here, or is not looked for any more. */
  readonly ended: (digest: string) => void;
  /** Proofs that this host may have layers. */
  learn(tickets: readonly LayerTicket[]): void;
  /** What others are given comes from here. */
  serve(store: ContentStore): void;
}

/** A host that has no others. */
export const NO_SITE: SiteLayers = {
  isOpen: () => false,
  find: () => Promise.resolve(undefined),
  ended: () => undefined,
  learn: () => undefined,
  serve: () => undefined,
};
