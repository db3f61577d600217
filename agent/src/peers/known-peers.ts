import type { SitePeers } from "@windflow/proto/agent";
import { hexOf } from "./site-tls.ts";

export interface KnownPeer {
  readonly hostId: string;
  readonly host: string;
  readonly port: number;
  /** SHA-256 of its subject public key info, hex. */
  readonly key: string;
}

/** Other hosts of the site, as the control plane last said. */
export interface KnownPeers {
  take(message: SitePeers): void;
  all(): readonly KnownPeer[];
  byKey(key: string): KnownPeer | undefined;
  ticketKey(): Uint8Array;
}

export function createKnownPeers(): KnownPeers {
  let peers: readonly KnownPeer[] = [];
  let ticketKey = new Uint8Array();
  return {
    take: (message) => {
      ticketKey = new Uint8Array(message.ticketKey);
      peers = message.peers.flatMap(({ hostId, address, keySha256 }) => {
        const at = parseAddress(address);
        return at === undefined ? [] : [{ hostId, ...at, key: hexOf(keySha256) }];
      });
    },
    all: () => peers,
    byKey: (key) => peers.find((peer) => peer.key === key),
    ticketKey: () => ticketKey,
  };
}

const LARGEST_PORT = 65_535;

/** Host and port of `HOST:PORT`, where an IPv6 address stands in brackets; undefined when it is none. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > LARGEST_PORT ? undefined : { host, port };
}
