import { X509Certificate, randomBytes } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TLSSocket, createServer as createTlsServer } from "node:tls";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { sha256Digest, verifyHello } from "@windflow/core";
import {
  type AgentFrame,
  type AgentServiceServer,
  AgentServiceService,
  type BodyChunk,
  type ControlFrame,
  type DesiredAgent,
  type EnrollRequest,
  type Hello,
  type SealedBox,
  type SpoolEntry,
  type StreamDown,
  type StreamUp,
  type Welcome,
} from "@windflow/proto/agent";
import { type TestAuthority, createTestAuthority } from "./certificate-authority.ts";

export type ControlKind = NonNullable<ControlFrame["kind"]>;
export type AgentKind = NonNullable<AgentFrame["kind"]>;

export interface TestSession {
  readonly hello: Hello;
  readonly helloIsValid: boolean;
  readonly epoch: bigint;
  readonly received: AgentKind[];
  send(kind: ControlKind): void;
  /** Breaks the connection without a word. */
  cut(): void;
  readonly isOpen: boolean;
}

export interface TestStream {
  readonly ticket: string;
  readonly received: NonNullable<StreamUp["kind"]>[];
  send(kind: NonNullable<StreamDown["kind"]>): void;
  readonly isOpen: boolean;
}

/** The other side of the protocol, in this process, on a real socket, with real TLS. It stores in memory what it is sent. */
export interface TestControlPlane {
  readonly url: string;
  readonly authority: TestAuthority;
  readonly sessions: TestSession[];
  readonly streams: TestStream[];
  readonly enrollments: EnrollRequest[];
  readonly bodies: Map<string, Uint8Array>;
  readonly secrets: Map<string, SealedBox>;
  /** Digest → content. */
  readonly files: Map<string, Uint8Array>;
  /** File of a release → content. */
  readonly releases: Map<string, Uint8Array>;
  registryAuth: SealedBox | undefined;
  /** Spool id → what was stored of it, in order of sequence. */
  readonly spools: Map<string, SpoolEntry[]>;
  renewals: number;
  /** Changes what is answered from now on. */
  readonly behaviour: {
    welcome: Partial<Welcome>;
    token: string;
    certificateValidity: { from: Date; until: Date } | undefined;
    refuse: ServiceError["code"] | undefined;
    acknowledgeSpool: boolean;
    /** Each call for a body or a file breaks after so many bytes. */
    filesBreakAfter: number;
    /** Told after each Welcome. */
    desiredAgent: DesiredAgent | undefined;
    /** What becomes of a Hello. */
    greeting: (hello: Hello) => "welcome" | "silence" | "goodbye";
  };
  /** Offsets at which the bodies of stacks were asked for. */
  readonly bodyOffsets: number[];
  /** Offsets at which files, and those of releases, were asked for. */
  readonly fileOffsets: number[];
  putBody(bytes: Uint8Array): string;
  stop(): Promise<void>;
}

const HEARTBEAT_MS = 1_000;
/** Real executables: in small pieces they would take minutes. */
const LARGE_BYTES = 1024 * 1024;
const IDS = { hostId: "hst_1", organizationId: "org_1" };

export async function startTestControlPlane(
  options: { port?: number; authority?: TestAuthority; serverValidity?: { from: Date; until: Date } } = {},
): Promise<TestControlPlane> {
  const authority = options.authority ?? (await createTestAuthority());
  const { cert, key } = await authority.server(options.serverValidity);
  const server = new Server();
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<TLSSocket>();
  const http = createHttpServer((request, response) => {
    response.statusCode = request.url === "/install/ca.pem" ? 200 : 404;
    response.end(request.url === "/install/ca.pem" ? authority.root : "");
  });
  const tls = createTlsServer(
    {
      cert,
      key,
      ca: authority.root,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["h2", "http/1.1"],
    },
    (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      if (socket.alpnProtocol === "h2") injector.injectConnection(socket);
      else http.emit("connection", socket);
    },
  );

  const plane: TestControlPlane = {
    url: "",
    authority,
    sessions: [],
    streams: [],
    enrollments: [],
    bodies: new Map(),
    secrets: new Map(),
    files: new Map(),
    releases: new Map(),
    registryAuth: undefined,
    spools: new Map(),
    renewals: 0,
    behaviour: {
      welcome: {},
      token: "token",
      certificateValidity: undefined,
      refuse: undefined,
      acknowledgeSpool: true,
      filesBreakAfter: Infinity,
      desiredAgent: undefined,
      greeting: () => "welcome",
    },
    bodyOffsets: [],
    fileOffsets: [],
    putBody: (bytes) => {
      const digest = sha256Digest(bytes);
      plane.bodies.set(digest, bytes);
      return digest;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void tls.close(() => resolve()));
      server.forceShutdown();
    },
  };
  const service: AgentServiceServer = {
    enroll: (call, callback) => {
      plane.enrollments.push(call.request);
      void answer(callback, async () => {
        if (call.request.token !== plane.behaviour.token) throw new Error("the token is not known");
        const certificateChain = await authority.sign(
          call.request.certificateRequest,
          plane.behaviour.certificateValidity,
        );
        const hostName = call.request.host?.hostname ?? "";
        return { ...IDS, certificateChain, trustedRoots: authority.root, awaitingApproval: false, hostName };
      }).catch(() => undefined);
    },
    renew: (call, callback) => {
      plane.renewals++;
      void answer(callback, async () => {
        const certificateChain = await authority.sign(call.request.certificateRequest);
        return { certificateChain, trustedRoots: "" };
      }).catch(() => undefined);
    },
    connect: (call) => runTestSession(plane, call),
    fetchBody: (call) => {
      const body = plane.bodies.get(call.request.digest);
      if (body === undefined) {
        call.emit("error", { code: status.NOT_FOUND, details: "no such body" });
        return;
      }
      sendFrom(plane.behaviour, plane.bodyOffsets, call, body);
    },
    fetchSecrets: (call, callback) =>
      callback(null, { sealed: plane.secrets.get(`${call.request.stackId}/${call.request.revision}`) }),
    fetchFile: (call) => {
      const file = plane.files.get(call.request.digest);
      if (file === undefined) {
        call.emit("error", { code: status.NOT_FOUND, details: "no such file" });
        return;
      }
      sendFrom(plane.behaviour, plane.fileOffsets, call, file);
    },
    fetchRegistryAuth: (_call, callback) => callback(null, { sealed: plane.registryAuth }),
    fetchImage: (_call, callback) => callback({ code: status.UNIMPLEMENTED, details: "no images here" }),
    fetchRelease: (call) => {
      const file = plane.releases.get(call.request.name);
      if (file === undefined) call.emit("error", { code: status.NOT_FOUND, details: "no such release" });
      else sendFrom(plane.behaviour, plane.fileOffsets, call, file);
    },
    openStream: (call) => runTestStream(plane, call),
  };
  server.addService(AgentServiceService, service);
  await new Promise<void>((resolve) => tls.listen(options.port ?? 0, "127.0.0.1", resolve));
  return Object.assign(plane, { url: `https://127.0.0.1:${(tls.address() as AddressInfo).port}` });
}

function sendFrom(
  behaviour: TestControlPlane["behaviour"],
  offsets: number[],
  call: ServerWritableStream<{ offset: bigint }, BodyChunk>,
  content: Uint8Array,
): void {
  const offset = Number(call.request.offset);
  offsets.push(offset);
  const piece = content.length > LARGE_BYTES ? 64 * 1024 : 1_000;
  for (let at = offset; at < content.length; at += piece) {
    if (at - offset >= behaviour.filesBreakAfter) {
      call.emit("error", { code: status.UNAVAILABLE, details: "the link broke" });
      return;
    }
    call.write({ content: content.subarray(at, at + piece) });
  }
  call.end();
}

async function answer<Reply>(callback: sendUnaryData<Reply>, make: () => Promise<Reply>): Promise<void> {
  try {
    callback(null, await make());
  } catch (error) {
    callback({ code: status.PERMISSION_DENIED, details: error instanceof Error ? error.message : String(error) });
  }
}

function runTestSession(plane: TestControlPlane, call: ServerDuplexStream<AgentFrame, ControlFrame>): void {
  const { refuse } = plane.behaviour;
  if (refuse !== undefined) {
    call.emit("error", { code: refuse, details: "not welcome" });
    return;
  }
  const certificate = call.getAuthContext().sslPeerCertificate;
  const spki =
    certificate === undefined
      ? Buffer.alloc(0)
      : new X509Certificate(certificate.raw).publicKey.export({ format: "der", type: "spki" });
  const nonce = randomBytes(32);
  let id = 0n;
  let ack = 0n;
  let open = true;
  let session: TestSession | undefined;
  const send = (kind: ControlKind): void => void call.write({ id: ++id, ack, kind });

  call.on("data", (frame: AgentFrame) => {
    if (frame.id !== ack + 1n) throw new Error(`frame ${frame.id} after ${ack}`);
    ack = frame.id;
    const { kind } = frame;
    if (kind?.$case === "hello") {
      const greeting = plane.behaviour.greeting(kind.value);
      const message = "This agent is not wanted here.";
      if (greeting === "goodbye")
        send({ $case: "goodbye", value: { code: "WF_TEST", message, retryAfterMs: 0, doNotReturn: false } });
      if (greeting !== "welcome") return;
      const epoch = BigInt(plane.sessions.length + 1);
      session = {
        hello: kind.value,
        helloIsValid: verifyHello(spki, nonce, "hst_1", kind.value.nonceSignature),
        epoch,
        received: [],
        send,
        cut: () => call.destroy(),
        get isOpen() {
          return open;
        },
      };
      plane.sessions.push(session);
      const stored = plane.spools.get(kind.value.spoolId)?.at(-1)?.sequence ?? 0n;
      send({
        $case: "welcome",
        value: {
          epoch,
          intervals: { heartbeatMs: HEARTBEAT_MS, hostSampleShipMs: 0, containerSampleShipMs: 0, live: false },
          generation: undefined,
          spoolAcked: stored,
          trustedRoots: "",
          awaitingApproval: false,
          serverTime: new Date(),
          wantsObserved: true,
          returnWithinMs: 0,
          ...plane.behaviour.welcome,
        },
      });
      const { desiredAgent } = plane.behaviour;
      if (desiredAgent !== undefined) send({ $case: "desiredAgent", value: desiredAgent });
      return;
    }
    if (kind === undefined) return;
    session?.received.push(kind);
    if (kind.$case === "heartbeat") send({ $case: "heartbeatReply", value: { serverTime: new Date() } });
    if (kind.$case === "spoolBatch" && plane.behaviour.acknowledgeSpool) {
      const stored = plane.spools.get(kind.value.spoolId) ?? [];
      plane.spools.set(kind.value.spoolId, stored);
      for (const entry of kind.value.entries) if (entry.sequence > (stored.at(-1)?.sequence ?? 0n)) stored.push(entry);
      send({ $case: "spoolAck", value: { spoolId: kind.value.spoolId, sequence: stored.at(-1)?.sequence ?? 0n } });
    }
  });
  const close = (): void => {
    open = false;
  };
  call.on("end", () => {
    close();
    call.end();
  });
  call.on("error", close);
  call.on("cancelled", close);
  send({ $case: "challenge", value: { nonce, protocolMin: 1, protocolMax: 1, serverTime: new Date() } });
}

function runTestStream(plane: TestControlPlane, call: ServerDuplexStream<StreamUp, StreamDown>): void {
  let open = true;
  const received: NonNullable<StreamUp["kind"]>[] = [];
  call.on("data", (message: StreamUp) => {
    const { kind } = message;
    if (kind?.$case === "ticket") {
      plane.streams.push({
        ticket: kind.value,
        received,
        send: (down) => void call.write({ kind: down }),
        get isOpen() {
          return open;
        },
      });
    } else if (kind !== undefined) received.push(kind);
  });
  call.on("end", () => {
    open = false;
    call.end();
  });
  call.on("cancelled", () => (open = false));
  call.on("error", () => (open = false));
}
