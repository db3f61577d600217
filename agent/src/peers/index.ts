export { createPeers, type Peers } from "./peers.ts";
export type { SiteIdentity } from "./site-tls.ts";
