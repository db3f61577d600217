import { type Server as TlsServer, createServer } from "node:tls";
import { type AddressInfo, type Socket, connect } from "node:net";
import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { type TestAuthority, createTestAuthority } from "../testing/certificate-authority.ts";
import { TlsCredentials, type TlsOptions } from "./tls-credentials.ts";
import { createWireMeter } from "./wire-meter.ts";

const DAY_MS = 86_400_000;
const servers: TlsServer[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  // Node 24 crashes when a TLS socket is destroyed within its own handshake's callback.
  await new Promise((resolve) => setImmediate(resolve));
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function serve(
  authority: TestAuthority,
  over: { validity?: { from: Date; until: Date }; maxVersion?: "TLSv1.2"; alpn?: string } = {},
): Promise<{ port: number; resumed: boolean[] }> {
  const resumed: boolean[] = [];
  const server = createServer(
    {
      ...(await authority.server(over.validity)),
      ALPNProtocols: [over.alpn ?? "h2"],
      ...(over.maxVersion ? { maxVersion: over.maxVersion, minVersion: over.maxVersion } : {}),
    },
    (socket) => {
      resumed.push(socket.isSessionReused());
      socket.on("error", () => undefined);
      socket.write("hello");
    },
  );
  server.on("tlsClientError", () => undefined);
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as AddressInfo).port, resumed };
}
async function dial(credentials: TlsCredentials, port: number): Promise<Socket> {
  const tcp = connect(port, "127.0.0.1");
  const { socket } = await credentials._createSecureConnector().connect(tcp);
  sockets.push(socket);
  return socket;
}
const credentials = (roots: string, over: Partial<TlsOptions> = {}): TlsCredentials =>
  new TlsCredentials({ host: "127.0.0.1", roots, now: () => Date.now(), timeFloor: () => 0, ...over });

test("a server of the pinned authority is trusted, and the second connection resumes the first", async () => {
  const authority = await createTestAuthority();
  const { port, resumed } = await serve(authority);
  const own = credentials(authority.root);
  // TLS 1.3 hands out the ticket after the handshake.
  await once(await dial(own, port), "session");
  await once(await dial(own, port), "data");
  await once(await dial(own, port), "data");
  expect(resumed).toEqual([false, true, true]);
});

test("what a connection carries is counted below its encryption, also when it has ended", async () => {
  const authority = await createTestAuthority();
  const { port } = await serve(authority);
  const wire = createWireMeter();
  const socket = await dial(credentials(authority.root, { onSocket: (tcp) => wire.follow(tcp) }), port);
  await once(socket, "data");
  // A handshake shows a certificate, and "hello" has five letters.
  expect(wire.bytes().in).toBeGreaterThan(600);
  expect(wire.bytes().out).toBeGreaterThan(200);
  const before = wire.bytes().out;
  socket.write(Buffer.alloc(10_000));
  await vi.waitFor(() => expect(wire.bytes().out).toBeGreaterThan(before + 10_000));
  const told = wire.bytes();
  socket.destroy();
  await vi.waitFor(() => expect(socket.closed).toBe(true));
  expect(wire.bytes().out).toBeGreaterThanOrEqual(told.out);
});

test("a foreign authority, another name, an expired certificate, an old TLS and a server without HTTP/2 are refused", async () => {
  const authority = await createTestAuthority();
  const foreign = await createTestAuthority();
  const untrusted = { code: "WF_SERVER_UNTRUSTED" };
  await expect(dial(credentials(authority.root), (await serve(foreign)).port)).rejects.toMatchObject(untrusted);
  await expect(
    dial(credentials(authority.root, { host: "plane.example" }), (await serve(authority)).port),
  ).rejects.toMatchObject(untrusted);
  const past = { from: new Date(Date.now() - 20 * DAY_MS), until: new Date(Date.now() - DAY_MS) };
  await expect(
    dial(credentials(authority.root), (await serve(authority, { validity: past })).port),
  ).rejects.toMatchObject(untrusted);
  await expect(
    dial(credentials(authority.root), (await serve(authority, { maxVersion: "TLSv1.2" })).port),
  ).rejects.toThrow(/version|protocol/i);
  await expect(
    dial(credentials(authority.root), (await serve(authority, { alpn: "http/1.1" })).port),
  ).rejects.toThrow();
});

test("with a clock that fell back, a good server is found by the time that is known to have passed; an impostor is not", async () => {
  // As this process cannot turn its clock back, certificates of the future stand for a clock of the past.
  const future = { from: new Date(Date.now() + 10 * DAY_MS), until: new Date(Date.now() + 40 * DAY_MS) };
  const knownToday = { now: () => Date.now(), timeFloor: () => Date.now() + 20 * DAY_MS };
  const authority = await createTestAuthority(future);
  const { port } = await serve(authority, { validity: future });
  await expect(dial(credentials(authority.root), port)).rejects.toMatchObject({ code: "WF_SERVER_UNTRUSTED" });
  await expect(dial(credentials(authority.root, knownToday), port)).resolves.toBeDefined();
  const impostor = await createTestAuthority(future);
  await expect(dial(credentials(impostor.root, knownToday), port)).rejects.toMatchObject({
    code: "WF_SERVER_UNTRUSTED",
  });
  await expect(dial(credentials(authority.root, { ...knownToday, host: "plane.example" }), port)).rejects.toMatchObject(
    { code: "WF_SERVER_UNTRUSTED" },
  );
  const longAfter = { ...knownToday, timeFloor: () => Date.now() + 50 * DAY_MS };
  await expect(dial(credentials(authority.root, longAfter), port)).rejects.toMatchObject({
    code: "WF_SERVER_UNTRUSTED",
  });
});
