import { status, type ServiceError } from "@grpc/grpc-js";
import { HostsServiceClient } from "@windflow/proto/api";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../platform/index.ts";
import { startTestDoors, type TestDoors } from "../../testing/doors.ts";

let doors: TestDoors;
const lines: string[] = [];

beforeAll(async () => {
  const log = createLog({ level: "warn", destination: { write: (line: string) => lines.push(line) } });
  doors = await startTestDoors({ register: () => undefined, log });
});
/** Reasons of the refusals that were logged since the last time. */
const refusals = (): string[] => lines.splice(0).map((line) => String((JSON.parse(line) as { reason: string }).reason));
afterAll(async () => {
  await doors?.stop();
});

const works = async (): Promise<void> => {
  expect((await doors.rest.call("GET", "/v1/auth/me")).status).toBe(200);
};
const tcp = async (): Promise<Socket> => {
  const socket = connect({ port: doors.port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
};
async function answerTo(bytes: string | Buffer): Promise<string> {
  const socket = await tcp();
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}
const handshake = (options: ConnectionOptions): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ port: doors.port, host: "127.0.0.1", ca: doors.ca, ...options }, () => resolve(socket));
    socket.once("error", reject);
  });

describe("one port", () => {
  test("plain HTTP is told to use https", async () => {
    const answer = await answerTo("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(answer).toContain("WF_PLAIN_HTTP: this port speaks https only");
    expect(refusals()).toContain("plain HTTP on a port that speaks https");
  });

  test("noise is dropped", async () => {
    expect(await answerTo("SSH-2.0-OpenSSH_9.2\r\n")).toBe("");
    expect(
      await answerTo(Buffer.concat([Buffer.from([22, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0xff]), Buffer.alloc(9000, 1)])),
    ).toBe("");
    await works();
    expect(refusals()).toContain("neither TLS nor HTTP");
  });

  test("TLS before 1.2 is refused, before 1.3 for agents", async () => {
    const old: ConnectionOptions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    await expect(handshake(old)).rejects.toThrow(/protocol version|unsupported protocol/i);
    await expect(handshake({ maxVersion: "TLSv1.2", ALPNProtocols: ["h2"] })).rejects.toThrow(/protocol version/i);
    const browser = await handshake({ maxVersion: "TLSv1.2", ALPNProtocols: ["h2", "http/1.1"] });
    expect(browser.alpnProtocol).toBe("http/1.1");
    expect(refusals()).toContain("TLS handshake: ERR_SSL_UNSUPPORTED_PROTOCOL");
    browser.destroy();
  });

  test("a ClientHello that comes byte by byte is understood", async () => {
    const socket = await tcp();
    socket.setNoDelay(true);
    const slow = connectTls({ socket: trickle(socket), ca: doors.ca, servername: "localhost", ALPNProtocols: ["h2"] });
    await once(slow, "secureConnect");
    expect(slow.alpnProtocol).toBe("h2");
    slow.destroy();
  });

  test("a frame that announces 100 MB is refused and the others go on", async () => {
    const session = connectHttp2(`https://127.0.0.1:${doors.port}`, { ca: doors.ca, ALPNProtocols: ["h2"] });
    session.on("error", () => undefined);
    const call = session.request({
      ":method": "POST",
      ":path": "/windflow.api.v1.AuthService/GetMe",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const header = Buffer.alloc(5);
    header.writeUInt32BE(100 * 1024 * 1024, 1);
    call.write(header);
    const grpcStatus = await new Promise((resolve) => {
      call.on("response", (headers) => headers["grpc-status"] !== undefined && resolve(headers["grpc-status"]));
      call.on("trailers", (headers) => resolve(headers["grpc-status"]));
      call.on("error", resolve);
      call.on("close", () => resolve(`closed ${call.rstCode}`));
    });
    expect(String(grpcStatus)).toBe(String(status.RESOURCE_EXHAUSTED));
    session.destroy();
    await works();
    expect(refusals()).toContain("WF_MESSAGE_TOO_LARGE");
  });

  test("a connection that says nothing is closed after 5 seconds, and a credential that is refused is logged", async () => {
    const silent = await tcp();
    const started = performance.now();
    silent.resume();
    await once(silent, "close");
    expect(performance.now() - started).toBeGreaterThan(4_500);
    await doors.rest.call("GET", "/v1/auth/me", undefined, { authorization: "Bearer wft_wrong" });
    await doors.rest.call("GET", "/v1/auth/me", undefined, { authorization: undefined });
    const told = refusals();
    expect(told.filter((reason) => reason.startsWith("nothing"))).toEqual(["nothing was said within 5 seconds"]);
    expect(told.filter((reason) => reason.startsWith("WF_"))).toEqual(["WF_UNAUTHENTICATED"]);
  });

  test("what was said while the process was busy for longer than its patience is heard", async () => {
    const socket = await tcp();
    // The server has taken the connection by then.
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // As a storm of handshakes keeps it busy: nothing else runs in the meantime, timers neither.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString("latin1")).toContain("WF_PLAIN_HTTP");
  });

  test("a method that is not there, and one without a credential", async () => {
    const client = new HostsServiceClient(doors.grpc.address, doors.grpc.credentials);
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.getHost({ organization: "default", hostId: "x" }, doors.grpc.metadata, resolve);
    });
    client.close();
    expect(error?.code).toBe(status.UNIMPLEMENTED);
    expect(constants.NGHTTP2_NO_ERROR).toBe(0);
  });
});

test("10,000 connections that never finish their handshake do not keep an honest client out", async () => {
  // In a process of its own: file descriptors count for each process.
  const flood = spawn(process.execPath, ["-e", FLOOD, String(doors.port)], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(flood.stdout, "data")) as [Buffer];
    expect(line.toString()).toContain("opened 10000");
    for (let round = 0; round < 5; round++) await works();
  } finally {
    flood.kill("SIGKILL");
    await once(flood, "exit");
  }
  await works();
});

// Half of them say nothing, half begin a ClientHello.
const FLOOD = `
const net = require("node:net");
const total = 10000, hello = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
let opened = 0, failed = 0;
const next = (i) => {
  if (i >= total) return;
  const socket = net.connect(Number(process.argv[1]), "127.0.0.1", () => {
    if (i % 2) socket.write(hello);
    done(i);
  });
  let counted = false;
  const done = () => { if (counted) return; counted = true; opened++; if (opened === total) console.log("opened " + opened); next(i + 200); };
  socket.on("error", done);
};
for (let i = 0; i < 200; i++) next(i);
setInterval(() => {}, 1000);
`;

/** The socket with its first writes cut into single bytes. */
function trickle(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (chunk: Buffer, encoding?: BufferEncoding, done?: () => void) => boolean;
  socket.write = ((chunk: Buffer, encoding?: BufferEncoding | (() => void), done?: () => void) => {
    const bytes = Buffer.from(chunk);
    for (const byte of bytes.subarray(0, bytes.length - 1)) write(Buffer.of(byte));
    return write(bytes.subarray(-1), undefined, typeof encoding === "function" ? encoding : done);
  }) as typeof socket.write;
  return socket;
}
