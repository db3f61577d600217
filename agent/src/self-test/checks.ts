import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { type TLSSocket, connect, createServer } from "node:tls";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { isSignedBy } from "@windflow/core";
import { AgentServiceService, type BodyChunk, type FetchBodyRequest } from "@windflow/proto/agent";
import { createHostSampler } from "../metrics/host-sampler.ts";
import { systemClock } from "../platform/clock.ts";
import { createTlsCredentials, fetchBody, openChannel } from "../session/channel.ts";
import { parseServerAddress } from "../session/server-address.ts";
import { openSpool } from "../spool/spool.ts";
import { ownCertificate } from "./own-certificate.ts";

/** One thing that the agent cannot do without; throws when it does not work, and gives what was seen otherwise. */
export interface Check {
  readonly name: string;
  run(folder: string): string | Promise<string>;
}

const LOOPBACK = "127.0.0.1";
// Several frames of HTTP/2, and more than one window of it.
const BODY_BYTES = 256 * 1024;
const SPOOL_BYTES = 8 * 1024 * 1024;
const SPOOL_ENTRIES = 100;
const EXIT_CODE = 7;

/** What this build of Node, its native parts and this kernel have to do together. */
export const CHECKS: readonly Check[] = [
  { name: "TLS 1.3 on loopback", run: handshake },
  { name: "gRPC with certificates on both sides", run: grpcBothWays },
  { name: "terminal", run: terminal },
  { name: "spool: write, sync, open again", run: spoolRoundTrip },
  { name: "Ed25519 signatures", run: signatures },
  { name: "gzip and zstd", run: compression },
  { name: "figures from /proc", run: figures },
];

async function handshake(): Promise<string> {
  const own = ownCertificate(Date.now());
  const keys = { cert: own.certificate, key: own.privateKey };
  const server = createServer({ ...keys, ALPNProtocols: ["h2"] }, (socket) => socket.end("hello"));
  await once(server.listen(0, LOOPBACK), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: LOOPBACK, port, ca: own.certificate, minVersion: "TLSv1.3", ALPNProtocols: ["h2"] });
    const [greeting] = (await once(socket, "data")) as [Buffer];
    expectSame("greeting", greeting.toString(), "hello");
    return `${socket.getProtocol() ?? "?"}, ${nameOfCipher(socket)}`;
  } finally {
    server.close();
  }
}

const nameOfCipher = (socket: TLSSocket): string => socket.getCipher()?.standardName ?? "no cipher";

async function grpcBothWays(): Promise<string> {
  const own = ownCertificate(Date.now());
  const root = Buffer.from(own.certificate);
  const pair = { cert_chain: root, private_key: Buffer.from(own.privateKey) };
  const body = randomBytes(BODY_BYTES);
  const server = new Server();
  server.addService(
    { fetchBody: AgentServiceService.fetchBody },
    {
      fetchBody: (call: ServerWritableStream<FetchBodyRequest, BodyChunk>) => {
        for (let at = Number(call.request.offset); at < body.length; at += BODY_BYTES / 4)
          call.write({ content: body.subarray(at, at + BODY_BYTES / 4) });
        call.end();
      },
    },
  );
  const port = await listen(server, ServerCredentials.createSsl(root, [pair], true));
  const address = parseServerAddress(`https://${LOOPBACK}:${port}`);
  const client = { certificateChain: own.certificate, privateKey: own.privateKey };
  const now = Date.now;
  const credentials = createTlsCredentials({ host: LOOPBACK, roots: own.certificate, client, timeFloor: () => 0, now });
  const channel = openChannel(address, credentials);
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of fetchBody(channel.client, { digest: "self-test", offset: 0 })) chunks.push(chunk);
    expectSame("body", Buffer.concat(chunks).equals(body), true);
    return `${body.length} bytes in ${chunks.length} messages`;
  } finally {
    channel.close();
    server.forceShutdown();
  }
}

function listen(server: Server, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${LOOPBACK}:0`, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

async function terminal(): Promise<string> {
  const { spawn } = await import("node-pty");
  const shell = spawn("/bin/sh", ["-c", `test -t 1 && echo is-a-terminal; exit ${EXIT_CODE}`], { cols: 80, rows: 24 });
  let shown = "";
  shell.onData((text) => (shown += text));
  const code = await new Promise<number>((resolve) => {
    shell.onExit(({ exitCode }) => resolve(exitCode));
  });
  expectSame("what the shell shows", shown.trim(), "is-a-terminal");
  expectSame("its exit code", code, EXIT_CODE);
  return `${shell.cols} columns, process ${shell.pid}`;
}

async function spoolRoundTrip(folder: string): Promise<string> {
  const open = (): ReturnType<typeof openSpool> =>
    openSpool({
      folder: join(folder, "spool"),
      maxBytes: SPOOL_BYTES,
      segmentBytes: SPOOL_BYTES / 8,
      newId: randomUUID,
      clock: systemClock,
      log: (_level, message) => {
        throw new Error(message);
      },
    });
  const first = open();
  for (let entry = 1; entry <= SPOOL_ENTRIES; entry += 1) first.append(Buffer.from(`entry ${entry}`));
  await first.flush();
  await first.close();
  const again = open();
  const read = again.read(0n, SPOOL_BYTES).map(({ payload }) => Buffer.from(payload).toString());
  await again.close();
  expectSame("entries", read.length, SPOOL_ENTRIES);
  expectSame("the last entry", read.at(-1), `entry ${SPOOL_ENTRIES}`);
  return `${read.length} entries`;
}

async function signatures(): Promise<string> {
  // The second example of RFC 8032, section 7.1.
  const known = {
    key: "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
    message: Buffer.from([0x72]),
    signature: Buffer.from(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      "hex",
    ),
  };
  expectSame("a known signature", isSignedBy(known.key, known.message, known.signature), true);
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = createPublicKey(privateKey).export({ format: "der", type: "spki" }).toString("base64");
  const message = Buffer.from("a list of checksums");
  const signature = sign(undefined, message, privateKey);
  expectSame("an own signature", isSignedBy(key, message, signature), true);
  expectSame("one of other bytes", isSignedBy(key, Buffer.from("another list"), signature), false);
  return "right ones are taken, a wrong one is not";
}

async function compression(): Promise<string> {
  const plain = Buffer.from("the same sentence again and again. ".repeat(1000));
  expectSame("gzip", gunzipSync(gzipSync(plain)).equals(plain), true);
  const packed = zstdCompressSync(plain);
  expectSame("zstd", zstdDecompressSync(packed).equals(plain), true);
  return `${plain.length} → ${packed.length} bytes`;
}

function figures(): string {
  const sample = createHostSampler().sample(Date.now());
  if (sample.size === 0) throw new Error("/proc gives no figure that is known here");
  return `${sample.size} figures`;
}

function expectSame(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)} in place of ${String(wanted)}`);
}
