import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";

/** As long as a handshake may take: a proxy that answers later answers nobody any more. */
const TUNNEL_TIMEOUT_MS = 30_000;

/**
 * Gives every request for a tunnel through a proxy an end. The gRPC library asks for them without one, and keeps the connection to a proxy
 * that never answers for ever: one more with each attempt.
 */
export function limitTunnels(): void {
  subscribe("http.client.request.created", (message) => {
    const { request } = message as { request: ClientRequest };
    if (request.method !== "CONNECT") return;
    const late = (): void => void request.destroy(new Error(`no tunnel within ${TUNNEL_TIMEOUT_MS / 1000} s`));
    const timer = setTimeout(late, TUNNEL_TIMEOUT_MS).unref();
    const settled = (): void => clearTimeout(timer);
    request.once("connect", settled);
    request.once("close", settled);
  });
}
