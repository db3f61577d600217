import { BlockList, isIPv4 } from "node:net";

/** The HTTP proxy through which the control plane is dialled. */
export interface Proxy {
  /** The variable that names it. */
  readonly variable: string;
  readonly host: string;
  readonly port: number;
  /** For `Proxy-Authorization`; absent when it asks for none. */
  readonly credentials?: string;
}

// The same variables in the same order as the gRPC library reads them: what is walked here is what the session takes.
const VARIABLES = ["grpc_proxy", "https_proxy", "http_proxy"];
const EXCEPTIONS = ["no_grpc_proxy", "no_proxy"];
const DEFAULT_PORT = 80;

/** The proxy for a host by the environment; undefined when there is none, or the host is an exception; a sentence when what is set is no proxy. */
export function proxyFor(host: string, environment: NodeJS.ProcessEnv): Proxy | string | undefined {
  const variable = VARIABLES.find((name) => (environment[name] ?? "") !== "");
  if (variable === undefined) return undefined;
  const exceptions = EXCEPTIONS.map((name) => environment[name] ?? "").find((value) => value !== "") ?? "";
  if (exceptions.split(",").some((entry) => isException(entry.trim(), host))) return undefined;
  const value = environment[variable] ?? "";
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== "http:") return `${variable} is set to something that is no http://HOST:PORT`;
  const credentials = url.username === "" ? {} : { credentials: decodeURIComponent(`${url.username}:${url.password}`) };
  return { variable, host: url.hostname, port: url.port === "" ? DEFAULT_PORT : Number(url.port), ...credentials };
}

/** "example.org" also means what ends with it; "10.0.0.0/8" means its addresses. */
function isException(entry: string, host: string): boolean {
  const [net = "", prefix = ""] = entry.split("/");
  if (isIPv4(net) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32 && isIPv4(host)) {
    const list = new BlockList();
    list.addSubnet(net, Number(prefix));
    return list.check(host);
  }
  return entry !== "" && host.endsWith(entry);
}
