export { parseAddress } from "./known-peers.ts";
export { createPeers, type Peers } from "./peers.ts";
export type { SiteIdentity } from "./site-tls.ts";
