import { sql } from "kysely";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createLog,
  createSealer,
  manualClock,
  openPlatform,
  systemClock,
  type Platform,
} from "../../platform/index.ts";
import { startTestApp, type TestApp } from "../../testing/index.ts";
import { startTestDatabase, type TestDatabase } from "../../testing/database.ts";
import { createTicketKeys } from "./ticket-keys.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const log = createLog({ level: "silent" });
let database: TestDatabase;
let platform: Platform;
let stateDirectory: string;

beforeAll(async () => {
  database = await startTestDatabase(log);
  stateDirectory = await mkdtemp(join(tmpdir(), "windflow-tickets-"));
  platform = await openPlatform({ connection: database.connection, clock: systemClock, log });
});
afterAll(async () => {
  await platform?.close();
  await database?.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

test("replicas share the keys, they are sealed at rest, and last half a day", async () => {
  const clock = manualClock(new Date("2026-01-01T00:00:00Z"));
  const sealer = createSealer(new Uint8Array(32).fill(3));
  const replica = () => createTicketKeys({ database: platform.database, sealer, clock }).current();
  const [first, second] = await Promise.all([replica(), replica()]);
  expect(first).toEqual(second);
  const rows = await platform.database.asSystem((tx) =>
    sql<{ text: string }>`SELECT value::text AS text FROM installation_settings`.execute(tx.queries),
  );
  expect(rows.rows.map((row) => row.text).join()).not.toContain(first.toString("base64"));
  clock.advance(12 * 60 * 60_000);
  expect(await replica()).not.toEqual(first);
  await platform.database.asSystem((tx) => sql`DELETE FROM installation_settings`.execute(tx.queries));
});

async function visit(app: TestApp, session?: Buffer): Promise<{ reused: boolean; session: Buffer }> {
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port: app.port,
    ca: app.ca,
    servername: "localhost",
    ALPNProtocols: ["h2"],
    ...(session === undefined ? {} : { session }),
  });
  const given = once(socket, "session") as Promise<[Buffer]>;
  await once(socket, "secureConnect");
  socket.resume();
  // A session that was resumed gets no new ticket.
  const [ticket] = session === undefined ? await given : [session];
  const reused = socket.isSessionReused();
  socket.destroy();
  return { reused, session: ticket };
}

test("an agent's session is resumed after a restart of the control plane", async () => {
  const before = await startTestApp({ database, stateDirectory });
  const { reused, session } = await visit(before);
  expect(reused).toBe(false);
  await before.stop();
  const after = await startTestApp({ database, stateDirectory });
  expect((await visit(after, session)).reused).toBe(true);
  await after.stop();
});
