import type { Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import type { Server as HttpsServer } from "node:https";
import { commonErrors, field, type Log, type SparseLog } from "../../platform/index.ts";
import type { FirstBytes } from "./client-hello.ts";
import { createListeners } from "./listeners.ts";
import { HELLO_BYTES, peek } from "./peek.ts";
import { createTurns } from "./turns.ts";
import { createWaitingRoom } from "./waiting-room.ts";

/** The key and certificates of the port. */
export interface DoorIdentity {
  key: string;
  /** Leaf first, then issuers. */
  cert: string;
  /** The authorities whose certificates agents hold, PEM; empty before there is one. */
  agentAuthorities: string;
  /** Another certificate for browsers and programs; agents always see the first. */
  browser: { key: string; cert: string } | undefined;
}

export interface FrontDoor {
  /** Resolves with the port that it listens on. */
  listen(port: number, address: string): Promise<number>;
  /** New connections get the new certificates; open ones keep theirs. */
  setIdentity(identity: DoorIdentity): void;
  /** Keys of the session tickets of the agents' door; tickets of other keys count no more. */
  setTicketKeys(keys: Buffer): void;
  /** The agent has what it came for: the next one that waits may begin. */
  settled(connection: TLSSocket): void;
  /** No further connections; the open ones stay. */
  stopListening(): void;
  close(): Promise<void>;
}

interface Parts {
  identity: DoorIdentity;
  /** Where connections with ALPN exactly `h2` go, after their handshake. */
  onAgentConnection: (connection: TLSSocket) => void;
  /** Where all others go, before their handshake. */
  https: HttpsServer;
  log: Log;
  refusals: SparseLog;
}

// Full TLS handshakes of a reconnect storm wait for their turn on the CPU.
const HANDSHAKE_PATIENCE_MS = 30_000;
// Connections without an end of their handshake: twice the ports that a site behind one address has for us in a storm of the largest
// fleet. One that waits for its turn costs some 10 kB, one in its handshake up to 50, of which there are few at once.
const WAITING = 16_384;
// Agents that are on their way from the first byte to their session, at once. Enough to fill two shared transactions of openings
// while others shake hands; so few that each is through within a second or two, and none gives up half-way in a storm.
const AGENTS_AT_ONCE = 256;
// One that needs longer than this goes on by itself and lets the next begin: a slow link, or somebody who means to hold us up.
const TURN_MS = 2_000;
const BACKLOG = 4_096;
const REPORT_MS = 10_000;
const REFUSED = "A connection was refused.";
// Resumed sessions skip the certificate: their life is kept short beside the look-up that every stream makes.
const SESSION_SECONDS = 12 * 60 * 60;

const TELL_HTTPS = `${commonErrors.WF_PLAIN_HTTP.code}: this port speaks https only. Use the same address with https:// in front.\n`;
const PLAIN_ANSWER = [
  "HTTP/1.1 400 Bad Request",
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${Buffer.byteLength(TELL_HTTPS)}`,
  "Connection: close",
  "",
  TELL_HTTPS,
].join("\r\n");

export function createFrontDoor(parts: Parts): FrontDoor {
  const { log, https, refusals } = parts;
  const room = createWaitingRoom(WAITING);
  const turns = createTurns({ atOnce: AGENTS_AT_ONCE, longestMs: TURN_MS });
  const open = new Set<Socket>();
  const agents = createAgentTls(parts.identity);
  // Handshakes end on a TLS socket; this finds the raw one that waits.
  const raw = new Map<string, Socket>();
  const front = createListeners({
    highWaterMark: HELLO_BYTES,
    backlog: BACKLOG,
    onConnection: (socket) => admit(socket),
    onError: (error) => log.error({ err: error, [field.area]: "door" }, "The listening socket failed."),
  });

  function admit(socket: Socket): void {
    open.add(socket);
    room.enter(socket);
    const key = addressOf(socket);
    raw.set(key, socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      open.delete(socket);
      room.leave(socket);
      if (raw.get(key) === socket) raw.delete(key);
    });
    peek(socket, {
      decided: (first, seen) => route(socket, first, seen),
      gaveUp: () => refuse(socket, "nothing was said within 5 seconds"),
    });
  }

  function route(socket: Socket, first: FirstBytes, seen: Buffer): void {
    if (first.kind === "tls") {
      const isAgent = first.alpn.length === 1 && first.alpn[0] === "h2";
      if (isAgent) return turns.wait(socket, seen, () => agents.emit("connection", socket));
      socket.unshift(seen);
      https.emit("connection", socket);
      return;
    }
    refuse(socket, first.kind === "plain-http" ? "plain HTTP on a port that speaks https" : "neither TLS nor HTTP");
    if (first.kind === "plain-http") socket.end(PLAIN_ANSWER);
    else socket.destroy();
    room.leave(socket);
  }

  function handshakeDone(connection: TLSSocket): void {
    const socket = raw.get(addressOf(connection));
    if (socket !== undefined) room.leave(socket);
  }
  function handshakeFailed(error: NodeJS.ErrnoException, connection: TLSSocket): void {
    // A client that went away was not refused.
    if (error.code !== "ECONNRESET") refuse(connection, `TLS handshake: ${error.code ?? error.message}`);
    connection.destroy();
  }
  function refuse(socket: Socket, reason: string): void {
    refusals.warn(REFUSED, reason, { [field.remoteAddress]: socket.remoteAddress });
  }
  const reporter = setInterval(() => {
    const pushedOut = room.takePushedOut();
    if (pushedOut > 0) refusals.warn(REFUSED, "too many unfinished handshakes", { [field.count]: pushedOut });
  }, REPORT_MS);
  reporter.unref();

  agents.on("secureConnection", (connection: TLSSocket) => {
    handshakeDone(connection);
    // Without a listener, a connection that breaks before its first stream ends the process.
    connection.on("error", () => connection.destroy());
    parts.onAgentConnection(connection);
  });
  https.on("secureConnection", handshakeDone);
  for (const server of [agents, https]) server.on("tlsClientError", handshakeFailed);
  return {
    listen: (port, address) => front.listen(port, address),
    setIdentity: (identity) => {
      agents.setSecureContext(agentContext(identity));
      https.setSecureContext({ ...httpsIdentity(identity), minVersion: "TLSv1.2" });
    },
    setTicketKeys: (keys) => {
      agents.setTicketKeys(keys);
    },
    settled: (connection) => {
      const socket = raw.get(addressOf(connection));
      if (socket !== undefined) turns.done(socket);
    },
    stopListening: () => {
      front.stop();
    },
    close: async () => {
      clearInterval(reporter);
      const closed = front.closed();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** What browsers and programs see. */
export function httpsIdentity(identity: DoorIdentity): { key: string; cert: string } {
  const { key, cert } = identity.browser ?? identity;
  return { key, cert };
}

function agentContext(identity: DoorIdentity): { key: string; cert: string; ca?: string; minVersion: "TLSv1.3" } {
  const { key, cert, agentAuthorities } = identity;
  return { key, cert, minVersion: "TLSv1.3", ...(agentAuthorities === "" ? {} : { ca: agentAuthorities }) };
}

function createAgentTls(identity: DoorIdentity): TlsServer {
  return createTlsServer({
    ...agentContext(identity),
    // In place of a list, of which node would keep a copy for each connection in 64 kB that it shares with whatever came then.
    ALPNCallback: () => "h2",
    requestCert: true,
    // An expired certificate may still ask for a new one, and a token needs none: each method decides.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_PATIENCE_MS,
    // The same in every process: by default it comes from the command line, and tickets of another one do not count.
    sessionIdContext: "windflow-agents",
    sessionTimeout: SESSION_SECONDS,
  });
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
}
