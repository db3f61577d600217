import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { getCACertificates } from "node:tls";
import { ProblemError } from "../platform/index.ts";
import { registriesErrors } from "../registries/index.ts";
import { imagesErrors } from "./errors.ts";

/** How this control plane reaches registries. */
export interface RegistryTrust {
  /** `host[:port]` of registries that are asked without TLS, and may be on this machine. */
  readonly insecure: readonly string[];
  /** PEM; trusted besides the system's own authorities. */
  readonly authorities?: string;
}

export interface RegistryRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What a registry answered, after redirects. The body has to be read to its end or destroyed. */
export interface RegistryAnswer {
  readonly status: number;
  header(name: string): string;
  readonly body: IncomingMessage;
}

// A connection that says nothing for this long is given up: a registry that reads from a cold store answers within some seconds.
const SILENCE_MS = 30_000;
// Registries send to their store once; twice with a mirror between.
const MOST_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

// What must not be asked in the name of somebody who may write a compose file: the machine itself and what clouds put beside it.
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet("127.0.0.0", 8, "ipv4");
FORBIDDEN.addSubnet("0.0.0.0", 8, "ipv4");
FORBIDDEN.addSubnet("169.254.0.0", 16, "ipv4");
FORBIDDEN.addSubnet("224.0.0.0", 3, "ipv4");
FORBIDDEN.addAddress("::1", "ipv6");
FORBIDDEN.addAddress("::", "ipv6");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addSubnet("ff00::", 8, "ipv6");
// AWS serves its metadata there too.
FORBIDDEN.addAddress("fd00:ec2::254", "ipv6");

/** Base address of a registry, without the slash. */
export function registryBase(address: string, trust: RegistryTrust): string {
  return `${trust.insecure.includes(address) ? "http" : "https"}://${address}`;
}

/**
 * GET that follows redirects. `Authorization` goes to the first address only: a store behind a registry has its own proof in the URL.
 * @throws ProblemError WF_REGISTRY_UNREACHABLE, WF_REGISTRY_REFUSED
 */
export async function askRegistry(request: RegistryRequest, trust: RegistryTrust): Promise<RegistryAnswer> {
  let { url, headers } = request;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const answer = await get({ ...request, url, headers }, trust);
    const location = answer.headers.location;
    if (!REDIRECTS.has(answer.statusCode ?? 0) || location === undefined) return told(answer);
    answer.destroy();
    if (!URL.canParse(location, url.href)) throw unreachable(url.host, "it redirects to what is no address");
    const next = new URL(location, url);
    if (next.origin !== url.origin) headers = withoutAuthorization(headers);
    url = next;
  }
  throw unreachable(request.url.host, `it redirects more than ${MOST_REDIRECTS} times`);
}

function get({ url, headers, signal }: RegistryRequest, trust: RegistryTrust): Promise<IncomingMessage> {
  const isOpen = trust.insecure.includes(url.host);
  if (url.protocol !== "https:" && !(isOpen && url.protocol === "http:"))
    throw unreachable(url.host, "it sends to an address without TLS, which --insecure-registries does not name");
  if (!isOpen && isForbidden(bareHost(url))) throw refused(url.host);
  return new Promise((resolve, reject) => {
    const options = { headers, signal, timeout: SILENCE_MS, ...(isOpen ? {} : { lookup: publicLookup }) };
    const call =
      url.protocol === "http:"
        ? httpRequest(url, options, resolve)
        : httpsRequest(url, { ...options, ...authorities(trust) }, resolve);
    call.on("timeout", () => call.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
    call.on("error", (error) =>
      reject(error.cause instanceof ProblemError ? error.cause : unreachable(url.host, sentenceOf(error))),
    );
    call.end();
  });
}

function authorities({ authorities: own }: RegistryTrust): { ca?: string[] } {
  return own === undefined ? {} : { ca: [...getCACertificates("default"), own] };
}

// Judged here and not before: a name may stand for another address by the time that the connection is made.
const publicLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, "", 0);
    const [first] = addresses;
    if (first === undefined || addresses.some(({ address }) => isForbidden(address)))
      return callback(new Error("refused", { cause: refused(hostname) }), "", 0);
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};

function isForbidden(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && FORBIDDEN.check(host, family === 6 ? "ipv6" : "ipv4");
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function told(message: IncomingMessage): RegistryAnswer {
  return {
    status: message.statusCode ?? 0,
    header: (name) => {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(", ") : (value ?? "");
    },
    body: message,
  };
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}

// An address with several candidates fails with one error that has no words of its own.
function sentenceOf(error: Error & { code?: string }): string {
  return error.message === "" ? (error.code ?? "no connection") : error.message;
}

export function unreachable(host: string, why: string): ProblemError {
  const detail = `the control plane does not reach registry ${host}: ${why}`;
  return new ProblemError({ code: registriesErrors.WF_REGISTRY_UNREACHABLE, detail });
}

function refused(host: string): ProblemError {
  const detail = `${host} is an address of the control plane's own machine or link`;
  return new ProblemError({ code: imagesErrors.WF_REGISTRY_REFUSED, detail });
}
