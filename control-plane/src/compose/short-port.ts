import { isIP } from "node:net";
import { MAX_PORTS_PER_RANGE } from "./limits.ts";
import { mapOf, type MapNode } from "./node.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";

interface Range {
  readonly first: number;
  readonly last: number;
}

const PROTOCOLS: ReadonlySet<string> = new Set(["tcp", "udp", "sctp"]);
const MAX_PORT = 65_535;

/** Reads `[[IP:][PUBLISHED]:]TARGET[/PROTOCOL]`, each side a port or a range, into one long entry per target port. */
export function parseShortPort(text: string, at: Position, path: KeyPath): MapNode[] {
  const refuse = (why: string): never =>
    fail("WF_COMPOSE_SYNTAX", at, path, {
      what: `"${text}" is not a port`,
      why,
      fix: "write PUBLISHED:TARGET, for example 8080:80 or 127.0.0.1:8080:80/udp",
    });
  const { address, published, target, protocol } = split(text);
  if (target === "") return refuse("it names no port of the container");
  if (!PROTOCOLS.has(protocol)) return refuse(`${protocol} is not tcp, udp or sctp`);
  if (address.includes(":") && !/^\[.*\]$/.test(address)) {
    return refuse(`the IPv6 address ${address} needs square brackets`);
  }
  const ip = address.replace(/^\[(.*)\]$/, "$1");
  if (ip !== "" && isIP(ip.replace(/%.*$/, "")) === 0) return refuse(`${ip} is not an IP address`);
  const targets = range(target) ?? refuse(`${target} is not a port or a range of ports`);
  const count = targets.last - targets.first + 1;
  if (count > MAX_PORTS_PER_RANGE) return refuse("the range is too long");
  const host =
    published === "" ? undefined : (range(published) ?? refuse(`${published} is not a port or a range of ports`));
  if (host !== undefined && count > 1 && host.last - host.first + 1 !== count) {
    return refuse("the two ranges differ in length");
  }
  const entries = Array.from({ length: count }, (_, i) =>
    mapOf(
      {
        ...(ip === "" ? {} : { host_ip: ip }),
        ...(host === undefined ? {} : { published: publishedText(host, i, count) }),
        mode: "ingress",
        target: targets.first + i,
        protocol,
      },
      at,
    ),
  );
  // The tool lists them in the order of their text, so that 443 stands before 80.
  const order = Array.from({ length: count }, (_, i) => i).toSorted((a, b) =>
    `${targets.first + a}/` < `${targets.first + b}/` ? -1 : 1,
  );
  return order.flatMap((i) => entries[i] ?? []);
}

function split(text: string): {
  address: string;
  published: string;
  target: string;
  protocol: string;
} {
  const parts = text.split(":");
  const [target, protocol] = splitOnce(parts.pop() ?? "", "/");
  const published = parts.pop() ?? "";
  return {
    address: parts.join(":"),
    published,
    target,
    protocol: protocol === "" ? "tcp" : protocol.toLowerCase(),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

// One container port may take any free port of a range of the host.
function publishedText(host: Range, index: number, count: number): string {
  if (count === 1 && host.last !== host.first) return `${host.first}-${host.last}`;
  return String(host.first + index);
}

function range(text: string): Range | undefined {
  const [from, to] = splitOnce(text, "-");
  const first = port(from);
  const last = text.includes("-") ? port(to) : first;
  if (first === undefined || last === undefined || last < first) return undefined;
  return { first, last };
}

function port(text: string): number | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= MAX_PORT ? number : undefined;
}
