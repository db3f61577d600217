import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** What this host shows to others of its site, and whom it may believe. Asked for at each connection: certificates are renewed. */
export interface SiteIdentity {
  readonly hostId: string;
  readonly organizationId: string;
  certificate(): { readonly chain: string; readonly key: string; readonly roots: string };
}

/** SHA-256, hex, of the key that the other side has proven; undefined when it showed no certificate. */
export function peerKey(socket: TLSSocket): string | undefined {
  const spki = socket.getPeerX509Certificate()?.publicKey.export({ format: "der", type: "spki" });
  return spki === undefined ? undefined : createHash("sha256").update(spki).digest("hex");
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
