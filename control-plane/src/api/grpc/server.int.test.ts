import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { openCertificates } from "../../hosts/index.ts";
import { createLog, createSealer, createSparseLog, openPlatform, systemClock } from "../../platform/index.ts";
import { startTestDatabase } from "../../testing/database.ts";
import { createGrpcDoor } from "./server.ts";

test("a second connection from the same address and port is not taken for the first", async () => {
  const log = createLog({ level: "silent" });
  const database = await startTestDatabase(log);
  const platform = await openPlatform({ connection: database.connection, clock: systemClock, log });
  const names = { dns: ["localhost"], addresses: ["127.0.0.1", "127.0.0.2"] };
  const certificates = await openCertificates({ ...platform, sealer: createSealer(new Uint8Array(32)), names });
  const { certificateChainPem: cert, privateKeyPem: key } = certificates.server();
  const refusals = createSparseLog(log);
  const door = createGrpcDoor({ calls: undefined as never, newId: platform.newId, log, refusals });
  // A control plane with two addresses.
  const accepted: TLSSocket[] = [];
  const listen = async (host: string): Promise<Server> => {
    const server = createServer({ key, cert, ALPNProtocols: ["h2"] }, (connection) => {
      accepted.push(connection);
      connection.on("error", () => undefined);
      door.inject(connection);
    }).listen(0, host);
    await once(server, "listening");
    return server;
  };
  const servers = [await listen("127.0.0.1"), await listen("127.0.0.2")];
  const dial = async (server: Server, localPort: number): Promise<TLSSocket> => {
    const { address: host, port } = server.address() as AddressInfo;
    const source = { localAddress: "127.0.0.1", localPort };
    const socket = connect({ host, port, ...source, ca: certificates.rootsPem(), ALPNProtocols: ["h2"] });
    socket.on("error", () => undefined).resume();
    await once(socket, "secureConnect");
    return socket;
  };
  const free = createServer({}).listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port: localPort } = free.address() as AddressInfo;
  free.close();
  await once(free, "close");

  const victim = await dial(servers[0] as Server, localPort);
  await expect.poll(() => accepted.length).toBe(1);
  const other = await dial(servers[1] as Server, localPort);
  await once(other, "close");
  expect(door.connectionOf(`127.0.0.1:${localPort}`)).toBe(accepted[0]);
  expect(accepted[0]?.destroyed).toBe(false);
  victim.destroy();
  await expect.poll(() => door.connectionOf(`127.0.0.1:${localPort}`)).toBeUndefined();

  await door.close();
  for (const server of servers) server.close();
  refusals.stop();
  await certificates.close();
  await platform.close();
  await database.stop();
});
