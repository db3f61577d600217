import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as tcpConnect, type Socket } from "node:net";
import { type ConnectionOptions, connect as tlsConnect } from "node:tls";
import { type ChannelCredentials, type ServiceError, credentials, status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION } from "@windflow/proto";
import { AgentServiceClient, EnrollRequest } from "@windflow/proto/agent";
import { certificateRequest } from "./foreign-identity.ts";

// Everything here is on the same machine: whatever takes longer is an answer that does not come.
const ANSWER_TIMEOUT_MS = 120_000;

export interface Target {
  host: string;
  port: number;
  roots: string;
}

/** How a gRPC call ended: the status's name and its text. */
export interface GrpcEnd {
  code: string;
  details: string;
}

// A key agreement's public half: any 32 bytes look like one.
const SEALING_KEY = Buffer.alloc(32, 9);

/** Asks to be enrolled with a token and an otherwise sound request; `padding` sends that many bytes as the request instead. */
export async function enrolWith(target: Target, token: string, padding = 0): Promise<GrpcEnd> {
  const request = EnrollRequest.fromPartial({
    token,
    certificateRequest: padding > 0 ? Buffer.alloc(padding, 1) : Buffer.from(await certificateRequest()),
    sealingKey: SEALING_KEY,
    agentVersion: "0.1.0",
    protocolVersion: PROTOCOL_VERSION,
  });
  return withClient(target, credentials.createSsl(Buffer.from(target.roots)), (client, done) => {
    client.enroll(request, (error) => done(error));
  });
}

/** Opens a session with a client certificate (PEM), or none, and waits for how it ends. */
export function connectWith(target: Target, key?: string, chain?: string): Promise<GrpcEnd> {
  const own = [key, chain].map((text) => (text === undefined ? null : Buffer.from(text)));
  const identity = credentials.createSsl(Buffer.from(target.roots), own[0], own[1]);
  return withClient(target, identity, (client, done) => {
    const session = client.connect();
    session.on("data", () => undefined);
    session.on("error", (error: ServiceError) => done(error));
    session.on("end", () => done(null));
  });
}

function withClient(
  target: Target,
  channel: ChannelCredentials,
  call: (client: AgentServiceClient, done: (error: ServiceError | null) => void) => void,
): Promise<GrpcEnd> {
  const client = new AgentServiceClient(`${target.host}:${target.port}`, channel, {
    "grpc.max_send_message_length": -1,
    "grpc.enable_retries": 0,
  });
  return new Promise<GrpcEnd>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the call did not end")), ANSWER_TIMEOUT_MS);
    call(client, (error) => {
      clearTimeout(timer);
      resolve({ code: status[error?.code ?? status.OK], details: error?.details ?? "" });
    });
  }).finally(() => client.close());
}

/** Sends an HTTP/1.1 request in the clear; gives what came back as text, or the error's code. */
export function plainHttp({ host, port }: Target): Promise<string> {
  return new Promise((resolve) => {
    const call = httpRequest({ host, port, path: "/", timeout: ANSWER_TIMEOUT_MS }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve(`${response.statusCode} ${body}`));
    });
    call.on("timeout", () => call.destroy(new Error("no answer")));
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

/** Tries a TLS handshake; gives the protocol agreed on, or the error. */
export function handshake({ host, port, roots }: Target, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = tlsConnect({ host, port, ca: roots, servername: "", ...options }, () => {
      resolve(socket.getProtocol() ?? "none");
      socket.destroy();
    });
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Sends a body of that many bytes to a method of the REST API; gives the status, or the error's code. */
export function largePost(target: Target, path: string, token: string, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": bytes };
    const { host, port, roots: ca } = target;
    const call = httpsRequest({ host, port, path, ca, method: "POST", headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("close", () => resolve(`${response.statusCode} ${body}`));
    });
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    const write = (left: number): void => {
      if (left <= 0 || call.destroyed) return void call.end();
      call.write(piece.subarray(0, Math.min(left, piece.length)), () => write(left - piece.length));
    };
    write(bytes);
  });
}

/** Opens TCP connections that never say anything. */
export async function halfOpen({ host, port }: Target, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  // A batch at a time: the listen queue of the kernel is not what is looked at here.
  const BATCH = 500;
  for (let made = 0; made < count; made += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - made) }, () => openOne(host, port));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

function openOne(host: string, port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port }, () => resolve(socket));
    // Refused or reset: it counts as one that is not open.
    socket.on("error", () => resolve(socket));
  });
}
