import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { request } from "node:http";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Identity } from "../enroll/identity.ts";
import { chainProblemAt, presentedChain } from "../session/chain-at.ts";
import { reasonOf } from "../platform/log.ts";
import type { ServerAddress } from "../session/server-address.ts";
import { type Finding, doubtful, skipped, well, wrong } from "./finding.ts";
import { type Proxy, proxyFor } from "./proxy.ts";

// Long enough for a satellite link; a person waits for it.
const STEP_TIMEOUT_MS = 10_000;
// OpenSSL's word for the alert of RFC 7301.
const NO_PROTOCOL = "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

export interface Way {
  readonly address: ServerAddress;
  readonly identity: Identity;
  readonly privateKey: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The latest moment that is known to have passed, milliseconds since 1970. */
  readonly timeFloor: number;
}

/** From the name of the control plane to a TLS connection that both sides agree on. */
export async function walkWay(way: Way): Promise<Finding[]> {
  const proxy = proxyFor(way.address.host, way.environment);
  if (typeof proxy === "string") {
    const fix = "Set it to http://HOST:PORT in the unit of the agent (systemctl edit windflow-agent), or remove it.";
    return cutAt([wrong("proxy", { what: proxy, why: "The session would be dialled without it.", fix })]);
  }
  const dns = await resolveName(proxy?.host ?? way.address.host);
  if (dns.status === "failed") return cutAt([dns]);
  const dialled = proxy === undefined ? await dialDirectly(way.address) : await dialThrough(proxy, way.address);
  const found = [dns, ...dialled.findings];
  if (dialled.socket === undefined) return cutAt(found);
  return cutAt([...found, ...(await shakeHands(dialled.socket, way))]);
}

const WAY = ["dns", "proxy", "tcp", "tls", "alpn"] as const;

/** What lies behind the first failure is not looked at. */
function cutAt(found: readonly Finding[]): Finding[] {
  const failed = found.find(({ status }) => status === "failed");
  return WAY.map((hop) => {
    const own = found.find((finding) => finding.hop === hop);
    if (own !== undefined) return own;
    return failed === undefined ? well(hop, "none is set") : skipped(hop, failed.hop);
  });
}

async function resolveName(name: string): Promise<Finding> {
  if (isIP(name) !== 0) return well("dns", `${name} is an address`);
  try {
    const found = await lookup(name, { all: true });
    return well("dns", `${name} is ${found.map(({ address }) => address).join(", ")}`);
  } catch (error) {
    return wrong("dns", {
      what: `${name} has no address: ${reasonOf(error)}`,
      why: "Without an address nothing can be dialled.",
      fix: `getent hosts ${name}; then mend /etc/resolv.conf, or add the name to /etc/hosts.`,
    });
  }
}

interface Dialled {
  readonly findings: Finding[];
  readonly socket?: Socket;
}

async function dialDirectly({ host, port }: ServerAddress): Promise<Dialled> {
  const started = performance.now();
  try {
    const socket = await open(host, port);
    return {
      socket,
      findings: [well("tcp", `connected to ${host}:${port} within ${Math.ceil(performance.now() - started)} ms`)],
    };
  } catch (error) {
    return { findings: [refusedTcp(`${host}:${port}`, error)] };
  }
}

function refusedTcp(where: string, error: unknown): Finding {
  return wrong("tcp", {
    what: `no connection to ${where}: ${reasonOf(error)}`,
    why: "The agent dials this one port; a firewall that drops it lets nothing through.",
    fix: `Allow outgoing TCP to ${where}, or set https_proxy when this network has a proxy; on the server look whether the control plane runs.`,
  });
}

async function dialThrough(proxy: Proxy, address: ServerAddress): Promise<Dialled> {
  const where = `${proxy.host}:${proxy.port}`;
  try {
    (await open(proxy.host, proxy.port)).destroy();
  } catch (error) {
    return { findings: [refusedTcp(`the proxy ${where} (${proxy.variable})`, error)] };
  }
  const tcp = well("tcp", `connected to the proxy ${where}`);
  try {
    const socket = await tunnel(proxy, address);
    return { socket, findings: [well("proxy", `${where} opened a tunnel to ${address.host}:${address.port}`), tcp] };
  } catch (error) {
    return {
      findings: [
        wrong("proxy", {
          what: `${where} opens no tunnel to ${address.host}:${address.port}: ${reasonOf(error)}`,
          why: "The session goes through CONNECT of this proxy, which the environment names.",
          fix: `Let the proxy allow CONNECT to ${address.host}:${address.port}, or name the host in no_proxy.`,
        }),
        tcp,
      ],
    };
  }
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: STEP_TIMEOUT_MS });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once("timeout", () => fail(new Error(`no answer within ${STEP_TIMEOUT_MS / 1000} s`)));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.removeAllListeners();
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

function tunnel(proxy: Proxy, { host, port }: ServerAddress): Promise<Socket> {
  const target = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const token = proxy.credentials === undefined ? undefined : Buffer.from(proxy.credentials).toString("base64");
  const headers = token === undefined ? {} : { "Proxy-Authorization": `Basic ${token}` };
  return new Promise((resolve, reject) => {
    const call = request({
      host: proxy.host,
      port: proxy.port,
      method: "CONNECT",
      path: target,
      headers: { Host: target, ...headers },
      timeout: STEP_TIMEOUT_MS,
    });
    call.once("connect", (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`it answered ${response.statusCode} ${response.statusMessage ?? ""}`.trim()));
    });
    call.once("timeout", () => call.destroy(new Error(`no answer within ${STEP_TIMEOUT_MS / 1000} s`)));
    call.once("error", reject);
    call.end();
  });
}

async function shakeHands(socket: Socket, way: Way): Promise<Finding[]> {
  const { host } = way.address;
  const { identity } = way;
  let tls: TLSSocket;
  try {
    tls = await handshake(socket, way);
  } catch (error) {
    // A server that knows none of our protocols says so before anything else.
    if ((error as NodeJS.ErrnoException).code === NO_PROTOCOL)
      return [well("tls", "a server answers"), wrongProtocol("none of ours")];
    return [
      wrong("tls", {
        what: `no TLS 1.3 with ${host}: ${reasonOf(error)}`,
        why: "The session is TLS 1.3 only; something that is not the control plane may answer on this port.",
        fix: `openssl s_client -connect ${host}:${way.address.port} -tls1_3 -alpn h2; look who answers.`,
      }),
    ];
  }
  try {
    const issuer = tls.getPeerX509Certificate()?.issuer.replaceAll("\n", ", ") ?? "nobody";
    const distrust = tls.authorized ? undefined : String(tls.authorizationError);
    if (distrust !== undefined) {
      const atFloor = chainProblemAt(presentedChain(tls), identity.trustedRoots, host, way.timeFloor);
      if (atFloor !== undefined || !distrust.includes("NOT_YET_VALID")) return [distrusted(host, distrust, issuer)];
    }
    const tlsFound =
      distrust === undefined
        ? well("tls", `${tls.getProtocol() ?? "TLS"} with a certificate for ${host} by our own authority`)
        : doubtful("tls", {
            what: `the certificate of ${host} is not valid yet by this clock`,
            why: "The clock fell back; the agent goes by the latest time that it knows.",
            fix: "timedatectl set-ntp true",
          });
    return [tlsFound, agreedProtocol(tls)];
  } finally {
    tls.destroy();
  }
}

function distrusted(host: string, distrust: string, issuer: string): Finding {
  return wrong("tls", {
    what: `the certificate that answers for ${host} is refused (${distrust}); it was issued by ${issuer}`,
    why: "Only the authority that was pinned at enrolment is trusted: a proxy that opens TLS, or another control plane, is in the way.",
    fix: `Let ${host} pass the proxy unopened, or enrol again with a new line when the control plane was replaced.`,
  });
}

function agreedProtocol({ alpnProtocol }: TLSSocket): Finding {
  if (alpnProtocol === "h2") return well("alpn", "HTTP/2 (h2)");
  return wrongProtocol(typeof alpnProtocol === "string" ? alpnProtocol : "none");
}

function wrongProtocol(agreed: string): Finding {
  return wrong("alpn", {
    what: `the server speaks ${agreed} and not HTTP/2`,
    why: "The session is gRPC over HTTP/2; a balancer that speaks HTTP itself stands between.",
    fix: "Let the balancer pass TCP through (layer 4), without opening TLS.",
  });
}

function handshake(socket: Socket, { address, identity, privateKey }: Way): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      host: address.host,
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      ca: identity.trustedRoots,
      cert: identity.certificateChain,
      key: privateKey,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["h2"],
      // Judged by the caller, who says more of it than an error would.
      rejectUnauthorized: false,
    });
    tls.setTimeout(STEP_TIMEOUT_MS, () => tls.destroy(new Error(`no handshake within ${STEP_TIMEOUT_MS / 1000} s`)));
    tls.once("error", reject);
    tls.once("secureConnect", () => resolve(tls));
  });
}
