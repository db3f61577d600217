import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { openCertificates } from "../../hosts/index.ts";
import { createLog, createSealer, createSparseLog, openPlatform, systemClock } from "../../platform/index.ts";
import { startTestDatabase } from "../../testing/database.ts";
import { createHttpApp } from "./http-app.ts";

test("a client that does not finish its headers, or says nothing at all, loses its connection", async () => {
  const log = createLog({ level: "silent" });
  const database = await startTestDatabase(log);
  const platform = await openPlatform({ connection: database.connection, clock: systemClock, log });
  const names = { dns: ["localhost"], addresses: ["127.0.0.1"] };
  const certificates = await openCertificates({ ...platform, sealer: createSealer(new Uint8Array(32)), names });
  const { certificateChainPem: cert, privateKeyPem: key } = certificates.server();
  const refusals = createSparseLog(log);
  const patience = { headersMs: 300, lookMs: 100 };
  const { app, tls } = await createHttpApp({ tls: { key, cert }, newId: platform.newId, log, refusals, patience });
  app.get("/", async () => "here");
  await app.ready();
  // As the front door does it: the server itself listens nowhere.
  const door = createServer((socket) => void tls.emit("connection", socket)).listen(0, "127.0.0.1");
  await once(door, "listening");
  const { port } = door.address() as AddressInfo;
  const closedAfterSaying = async (text: string): Promise<string> => {
    const socket = connect({ port, host: "127.0.0.1", ca: certificates.rootsPem() }, () => void socket.write(text));
    socket.on("error", () => undefined);
    let answer = "";
    socket.on("data", (bytes: Buffer) => (answer += bytes.toString("latin1")));
    await once(socket, "close");
    return answer;
  };
  expect(await closedAfterSaying("GET / HTTP/1.1\r\nHost: x\r\n")).toContain("408 Request Timeout");
  await closedAfterSaying("");
  expect(await closedAfterSaying("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).toMatch(/200 OK[^]*here$/);
  door.close();
  refusals.stop();
  await app.close();
  await certificates.close();
  await platform.close();
  await database.stop();
});
