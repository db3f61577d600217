import type { SitePeers } from "@windflow/proto/agent";
import type { ContentStore } from "../files/content-store.ts";
import type { LayerPeer, SiteLayers } from "../images/index.ts";
import { type Clock, pause } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { createKnownPeers, type KnownPeer } from "./known-peers.ts";
import { createLayerClient } from "./layer-client.ts";
import { createLayerServer, type LayerServer } from "./layer-server.ts";
import type { SiteIdentity } from "./site-tls.ts";
import { createWantedLayers } from "./wanted-layers.ts";

const ASK_AGAIN_MS = 300;
// A host that could not be read from is not asked for a while.
const AVOIDED_MS = 60_000;
// A host of which nothing new came for so long is not waited for any more.
const WAIT_MS = 15 * 60_000;
// However slowly it comes: one that only says so must not keep the others from it.
const LONGEST_WAIT_MS = 12 * 3_600_000;
// Each question is a handshake: however many they are, a host asks about seventeen a second and answers as many.
const ASKED_A_PAUSE = 5;
// Certificates are renewed at half of their 30 days.
const RENEW_LOOK_MS = 3_600_000;

/** This host among the others of its site. */
export interface Peers {
  readonly layers: SiteLayers;
  /** Empty when it serves none. */
  readonly address: string;
  take(message: SitePeers): void;
  /** Begins to listen, where there is an address. A port that is taken is told and tried again. */
  start(): void;
  stop(): void;
}

export function createPeers(parts: {
  readonly identity: SiteIdentity;
  /** Where others reach this host; absent: they do not know it, and it neither gives nor asks. */
  readonly address: { readonly text: string; readonly host: string; readonly port: number } | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** The link settings say that hosts of the site help one another. */
  readonly isAllowed: () => boolean;
  /** Bytes that came from another host. */
  readonly onBytes: (count: number) => void;
}): Peers {
  const { identity, address, clock, log } = parts;
  const peers = createKnownPeers();
  const wanted = createWantedLayers(identity.hostId);
  const client = createLayerClient(identity);
  const tickets = new Map<string, Uint8Array>();
  const avoided = new Map<string, number>();
  let store: ContentStore | undefined;
  let server: LayerServer | undefined;
  let cancel: () => void = () => undefined;

  async function find(digest: string, signal: AbortSignal): Promise<LayerPeer | undefined> {
    const ticket = tickets.get(digest);
    if (!parts.isAllowed() || address === undefined || ticket === undefined) return undefined;
    const begun = clock.now();
    let until = begun + WAIT_MS;
    let received = 0;
    for (;;) {
      signal.throwIfAborted();
      const others = peers.all().filter(({ key }) => (avoided.get(key) ?? 0) <= clock.now());
      wanted.begin(digest);
      const answers = await Promise.all(
        others.map(async (peer) => ({
          hostId: peer.hostId,
          ...(await client.wordOf(peer, digest, ticket)),
        })),
      );
      const come = Math.max(0, ...answers.map(({ receivedBytes }) => receivedBytes));
      // A slow link is not one to carry it twice.
      if (come > received) until = Math.min(clock.now() + WAIT_MS, begun + LONGEST_WAIT_MS);
      received = come;
      const decision = wanted.decide(digest, clock.now() < until ? answers : []);
      if (decision.act === "fetch") return undefined;
      if (decision.act === "take") {
        const having = others.filter(({ hostId }) => decision.from.includes(hostId));
        // Not all from the first one: each that has it gives it on.
        const chosen = having[Math.floor(Math.random() * having.length)];
        if (chosen !== undefined) return from(chosen, ticket);
      }
      await pause(clock, ASK_AGAIN_MS * Math.max(1, others.length / ASKED_A_PAUSE), signal);
    }
  }

  function from(peer: KnownPeer, ticket: Uint8Array): LayerPeer {
    return {
      source: async function* (digest, offset) {
        for await (const piece of client.read(peer, digest, offset, ticket)) {
          parts.onBytes(piece.length);
          yield piece;
        }
      },
      failed: (reason) => {
        avoided.set(peer.key, clock.now() + AVOIDED_MS);
        log("warn", "A host of the site did not give a layer; another is asked.", { hostId: peer.hostId, reason });
      },
    };
  }

  function listen(): void {
    if (address === undefined) return;
    server = createLayerServer({
      address,
      identity,
      peers,
      wanted,
      clock,
      log,
      store: () => (parts.isAllowed() ? store : undefined),
    });
    server.open().then(
      () => {
        log("info", "Layers are given to hosts of the site.", { address: address.text });
        renewLater();
      },
      (error: unknown) => {
        log("error", "The address for hosts of the site cannot be listened on; it is tried again.", {
          address: address.text,
          reason: reasonOf(error),
        });
        cancel = clock.after(AVOIDED_MS, listen);
      },
    );
  }
  function renewLater(): void {
    cancel = clock.after(RENEW_LOOK_MS, () => {
      server?.renew();
      renewLater();
    });
  }

  return {
    address: address?.text ?? "",
    layers: {
      isOpen: () => parts.isAllowed() && address !== undefined,
      find,
      ended: (digest) => wanted.end(digest),
      learn: (given) => {
        for (const { digest, ticket } of given) tickets.set(digest, ticket);
      },
      serve: (own) => {
        store = own;
      },
    },
    take: (message) => {
      peers.take(message);
      server?.renew();
    },
    start: listen,
    stop: () => {
      cancel();
      server?.close();
    },
  };
}
