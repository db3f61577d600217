import { isIP } from "node:net";
import { AgentError } from "../errors.ts";

/** Where the control plane is. */
export interface ServerAddress {
  /** Name or address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
  /** `https://host:port`. */
  readonly url: string;
}

const DEFAULT_PORT = 443;

/** @param text `https://host[:port]`. @throws AgentError WF_CONFIG_INVALID */
export function parseServerAddress(text: string): ServerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.protocol !== "https:" ||
    url.pathname !== "/" ||
    url.username !== "" ||
    url.search !== ""
  ) {
    throw new AgentError(
      "WF_CONFIG_INVALID",
      `"${text}" is no address of a control plane. Give it as https://HOST:PORT.`,
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: url.port === "" ? DEFAULT_PORT : Number(url.port), url: url.origin };
}

/** In the form that a gRPC channel resolves. */
export function channelTarget(address: ServerAddress): string {
  return isIP(address.host) === 6 ? `dns:[${address.host}]:${address.port}` : `dns:${address.host}:${address.port}`;
}
