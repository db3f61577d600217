import { join } from "node:path";
import type { FetchImageRequest, FetchImageResponse } from "@windflow/proto/agent";
import { type ContentSource, openContentStore } from "../files/content-store.ts";
import { freeBytes } from "../files/room.ts";
import type { ImageSource } from "../link/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { ReconcileEngine } from "../reconcile/engine.ts";
import { imagePlatform } from "../state/desired-world.ts";
import { createDelivery, type DeliverEngine } from "./deliver-image.ts";
import { createKeptLayers } from "./kept-layers.ts";
import { openKnownImages } from "./known-images.ts";
import { createPullImage, type PullImagePort } from "./pull-image.ts";
import type { SiteLayers } from "./site-layers.ts";

/** What the images of this host ask of the rest of the agent. */
export interface ImagesLink {
  /** Asks the control plane for an image; undefined while there is no session. */
  ask(): ((request: FetchImageRequest) => Promise<FetchImageResponse>) | undefined;
  /** Layers over the agent's own connection; undefined while there is no session. */
  layers(): ContentSource | undefined;
  /** As the link settings say. */
  source(): ImageSource;
  /** Other hosts of the site. */
  readonly site: SiteLayers;
}

/** How this host comes to images of registries. */
export function createImages(parts: {
  readonly engine: DeliverEngine & Pick<ReconcileEngine, "pullImage">;
  readonly stateDir: string;
  readonly link: ImagesLink;
  readonly clock: Clock;
  readonly log: Log;
}): { readonly pullImage: PullImagePort; stop(): void } {
  const { engine, stateDir, link, clock, log } = parts;
  const folder = join(stateDir, "image-layers");
  const store = openContentStore(folder);
  const kept = createKeptLayers({
    store,
    clock,
    isShared: () => link.site.isOpen(),
    freeBytes: () => freeBytes(folder),
  });
  link.site.serve(store);
  const delivery = createDelivery({
    engine,
    store,
    folder,
    known: openKnownImages(join(stateDir, "images.json")),
    sources: { link: () => link.layers(), peer: link.site.find, ended: link.site.ended },
    clock,
    log,
    ask: () => link.ask(),
    onBegun: (layers) => kept.begun(layers),
    onEnded: (layers, isLoaded) => kept.ended(layers, isLoaded),
    onTickets: (tickets) => link.site.learn(tickets),
  });
  const platform = imagePlatform(process.arch);
  const pullImage = createPullImage({ engine, delivery, clock, log, platform, source: () => link.source() });
  return { pullImage, stop: () => kept.stop() };
}
