import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect as connectTls, createSecureContext, type ConnectionOptions, type TLSSocket } from "node:tls";

/** Where simulated agents dial, and whom they trust. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Own address of the connection: each has some 28,000 ports of its own. */
  readonly localAddress: string;
  /** PEM. */
  readonly roots: string;
}

export interface ClientIdentity {
  readonly privateKeyPem: string;
  readonly certificateChain: string;
}

/** One TLS 1.3 connection with HTTP/2 on it, as an agent has one. */
export interface Link {
  readonly http2: ClientHttp2Session;
  readonly socket: TLSSocket;
  /** A gRPC call; messages are whole, without their prefix. */
  call(path: string, events: CallEvents): Call;
  close(): void;
}
export interface CallEvents {
  readonly onMessage: (bytes: Buffer) => void;
  /** Once; undefined after an orderly end with status 0. */
  readonly onEnd: (problem: string | undefined) => void;
}
export interface Call {
  readonly stream: ClientHttp2Stream;
  send(message: Uint8Array): void;
  /** No further messages from here. */
  finish(): void;
}

// As the agent's: a server under a reconnect storm answers late.
const HANDSHAKE_TIMEOUT_MS = 30_000;
const PREFIX_BYTES = 5;

/**
 * Small beside a grpc-js client, which would need most of this machine for itself; on the wire it is the same.
 * @param ticket of an earlier connection of this agent, to resume
 */
export function openLink(
  endpoint: Endpoint,
  identity: ClientIdentity | undefined,
  ticket: Buffer | undefined,
  onTicket: (ticket: Buffer) => void,
): Promise<Link> {
  const { host, port, localAddress, roots } = endpoint;
  return new Promise((resolve, reject) => {
    // Node hands `localAddress` on to the TCP connection; its types do not say so.
    const options: ConnectionOptions & { localAddress: string } = {
      host,
      port,
      localAddress,
      secureContext: createSecureContext({
        ca: roots,
        minVersion: "TLSv1.3",
        ...(identity === undefined ? {} : { key: identity.privateKeyPem, cert: identity.certificateChain }),
      }),
      ALPNProtocols: ["h2"],
      ...(ticket === undefined ? {} : { session: ticket }),
    };
    const socket = connectTls(options);
    let http2: ClientHttp2Session | undefined;
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => fail(new Error("no TLS handshake in time")));
    socket.on("error", fail);
    socket.once("close", () => fail(new Error("the connection was closed")));
    socket.on("session", onTicket);
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      http2 = connectHttp2(`https://${host}:${port}`, { createConnection: () => socket });
      http2.on("error", () => undefined);
      resolve(linkOn(socket, http2));
    });
  });
}

function linkOn(socket: TLSSocket, http2: ClientHttp2Session): Link {
  return {
    socket,
    http2,
    close: () => {
      http2.destroy();
      socket.destroy();
    },
    call: (path, { onMessage, onEnd }) => {
      const stream = http2.request(
        { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
        { endStream: false },
      );
      let ended = false;
      const end = (problem: string | undefined): void => {
        if (ended) return;
        ended = true;
        onEnd(problem);
      };
      const statusOf = (headers: IncomingHttpHeaders): void => {
        const { "grpc-status": status = "", "grpc-message": message = "" } = headers as Record<string, string>;
        if (status !== "") end(status === "0" ? undefined : `status ${status}: ${decodeURIComponent(message)}`);
      };
      stream.on("response", statusOf);
      stream.on("trailers", statusOf);
      stream.on("error", (error) => end(error.message));
      stream.on("close", () => end(`the stream was closed (${stream.rstCode})`));
      stream.on("data", splitter(onMessage));
      return {
        stream,
        send: (message) => {
          if (stream.destroyed || stream.writableEnded) return;
          stream.write(framed(message));
        },
        finish: () => {
          if (!stream.destroyed) stream.end();
        },
      };
    },
  };
}

export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** Cuts what comes into messages (gRPC over HTTP/2: one byte, the length, the bytes). */
function splitter(onMessage: (bytes: Buffer) => void): (chunk: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let rest = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    while (rest.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + rest.readUInt32BE(1);
      if (rest.length < end) break;
      onMessage(rest.subarray(PREFIX_BYTES, end));
      rest = rest.subarray(end);
    }
    kept = rest;
  };
}
