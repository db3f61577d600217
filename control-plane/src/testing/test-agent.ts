import "reflect-metadata";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { credentials, type ClientDuplexStream } from "@grpc/grpc-js";
import { signHello } from "@windflow/core";
import {
  AgentServiceClient,
  type AgentFrame,
  type ControlFrame,
  type EnrollResponse,
  type Hello,
  type HostReport,
  type ImageAnswer,
  type ResolveRequest,
} from "@windflow/proto/agent";
import { createPrivateKey, KeyObject, randomBytes, randomUUID, webcrypto } from "node:crypto";
import type { FromAgent, ToAgent } from "../agents/wire.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A host's key, made where the host is. */
export interface TestHostKey {
  privateKeyPem: string;
  /** PKCS#10, DER. */
  request: Uint8Array;
}

export async function newHostKey(): Promise<TestHostKey> {
  const keys = (await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=root, O=anything that a host may claim",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  const privateKeyPem = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }) as string;
  return { privateKeyPem, request: new Uint8Array(request.rawData) };
}

/** What a Hello may say besides, of an agent that was never updated and follows no link profile. */
export const NOTHING_MORE: Pick<Hello, "agentUpdate" | "build" | "linkDigest" | "peerAddress"> = {
  agentUpdate: undefined,
  build: undefined,
  linkDigest: "",
  peerAddress: "",
};

export function hostReport(hostname: string): HostReport {
  return {
    hostname,
    os: "Debian",
    osVersion: "12",
    kernel: "6.1",
    arch: "x64",
    cpuCount: 4,
    cpuModel: "test",
    memoryBytes: 8_000_000_000n,
    diskBytes: 100_000_000_000n,
    addresses: ["192.0.2.7"],
    bootedAt: new Date("2026-11-22T00:00:00Z"),
    engineName: "docker",
    engineVersion: "28.5.1",
    engineApiVersion: "1.51",
    capabilities: ["docker"],
    hostShellAllowed: false,
    diskFreeBytes: 60_000_000_000n,
  };
}

/** Where a test agent dials, and whom it trusts. */
export interface TestServer {
  port: number;
  ca: string;
}

export function dial(
  server: TestServer,
  identity?: { privateKeyPem: string; certificateChain: string },
): AgentServiceClient {
  const key = identity && Buffer.from(identity.privateKeyPem);
  const chain = identity && Buffer.from(identity.certificateChain);
  const secure = credentials.createSsl(Buffer.from(server.ca), key ?? null, chain ?? null);
  return new AgentServiceClient(`127.0.0.1:${server.port}`, secure, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": 8 * 1024 * 1024,
  });
}

export async function enroll(
  server: TestServer,
  token: string,
  key: TestHostKey,
  hostname = "edge",
  requestedLabels: Record<string, string> = {},
): Promise<EnrollResponse> {
  const client = dial(server);
  try {
    return await new Promise((resolve, reject) => {
      client.enroll(
        {
          token,
          certificateRequest: key.request,
          requestedLabels,
          sealingKey: randomBytes(32),
          agentVersion: "0.1.0",
          protocolVersion: 1,
          host: hostReport(hostname),
        },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
  } finally {
    client.close();
  }
}

type Values<Kinds extends { $case: string; value: unknown }> = { [Kind in Kinds as Kind["$case"]]: Kind["value"] };
type FrameValue<Case extends ToAgent["$case"]> = Values<ToAgent>[Case];

/** One session, spoken frame by frame. */
export interface TestSession {
  readonly call: ClientDuplexStream<AgentFrame, ControlFrame>;
  readonly welcome: FrameValue<"welcome">;
  send(kind: FromAgent): bigint;
  /** The next frame of the kind; frames of other kinds before it are passed over. Fails after `patienceMs`. */
  next<Case extends ToAgent["$case"]>(kind: Case, patienceMs?: number): Promise<FrameValue<Case>>;
  /** Resolves with the error that the call ended with, or undefined. */
  ended(): Promise<Error | undefined>;
  close(): void;
  /** What the host says that a tag stands for; unless set, every image is on it and in no registry. */
  imageAnswer: (reference: string) => Partial<ImageAnswer>;
}

export interface TestIdentity extends TestHostKey {
  certificateChain: string;
  hostId: string;
}

// A guard: what is waited for comes in a moment, on a machine that has nothing else to do.
const PATIENCE_MS = 60_000;
const LOCAL_IMAGE: ImageAnswer = {
  reference: "",
  repositoryDigest: "",
  imageId: `sha256:${"0".repeat(64)}`,
  platforms: [],
  problem: "",
  code: "",
};

export async function openTestSession(
  server: TestServer,
  identity: TestIdentity,
  hello: Partial<Hello> = {},
): Promise<TestSession> {
  const client = dial(server, identity);
  const call = client.connect();
  const frames: ControlFrame[] = [];
  let wake: () => void = () => undefined;
  let over = false;
  let failure: Error | undefined;
  call.on("data", (frame: ControlFrame) => {
    if (frame.kind?.$case === "resolveRequest") send({ $case: "resolveReply", value: answered(frame.kind.value) });
    frames.push(frame);
    wake();
  });
  const finish = (error?: Error): void => {
    over = true;
    failure ??= error;
    wake();
  };
  call.on("error", (error: Error) => finish(error));
  call.on("end", () => finish());
  const finished = new Promise<Error | undefined>((resolve) =>
    call.on("status", () => setImmediate(() => resolve(failure))),
  );
  let sentId = 0n;
  let session: TestSession | undefined;

  async function next<Case extends ToAgent["$case"]>(
    kind: Case,
    patienceMs: number = PATIENCE_MS,
  ): Promise<FrameValue<Case>> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const frame = frames.shift();
      if (frame?.kind?.$case === kind) return frame.kind.value as FrameValue<Case>;
      if (frame !== undefined) {
        if (kind === "welcome" && frame.kind?.$case === "goodbye")
          throw new Error(`${frame.kind.value.code}: ${frame.kind.value.message}`);
        continue;
      }
      if (over) throw failure ?? new Error(`the session ended before a ${kind} came`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${kind} came within ${patienceMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  // Asked whenever a revision is made, which most tests do for another reason.
  const answered = ({ requestId, images }: ResolveRequest): Values<FromAgent>["resolveReply"] => ({
    requestId,
    images: images.map(({ reference }) => ({ ...LOCAL_IMAGE, reference, ...session?.imageAnswer(reference) })),
  });
  function send(kind: FromAgent): bigint {
    sentId += 1n;
    call.write({ id: sentId, ack: 0n, kind });
    return sentId;
  }
  const close = (): void => {
    call.cancel();
    client.close();
  };

  try {
    const challenge = await next("challenge");
    const key = createPrivateKey(identity.privateKeyPem);
    send({
      $case: "hello",
      value: {
        agentVersion: "0.1.0",
        protocolVersion: 1,
        host: hostReport("edge"),
        bootId: "boot-1",
        instanceId: randomUUID(),
        generation: undefined,
        observedDigest: "",
        nonceSignature: signHello(key, challenge.nonce, identity.hostId),
        spoolId: "spool-1",
        agentTime: new Date(),
        sealingKey: new Uint8Array(),
        ...NOTHING_MORE,
        ...hello,
      },
    });
    const welcome = await next("welcome");
    session = { call, welcome, send, next, ended: () => finished, close, imageAnswer: () => ({}) };
    return session;
  } catch (error) {
    close();
    throw error;
  }
}
