import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, expect, it } from "vitest";
import { createListeners, type Listeners } from "./listeners.ts";

const HOST = "127.0.0.1";
const open: Listeners[] = [];
const accepted: Socket[] = [];
let turn = 0;
const acceptedInTurn: number[] = [];

function listeners(): Listeners {
  const made = createListeners({
    highWaterMark: 8_192,
    backlog: 512,
    onError: (error) => expect.unreachable(error.message),
    onConnection: (socket) => {
      socket.on("error", () => undefined);
      accepted.push(socket);
      acceptedInTurn[turn] = (acceptedInTurn[turn] ?? 0) + 1;
    },
  });
  open.push(made);
  return made;
}
afterAll(async () => {
  for (const socket of accepted) socket.destroy();
  await Promise.all(open.map((one) => one.closed()));
});

it("a port that another control plane has is refused, and free once that one has stopped", async () => {
  const first = listeners();
  const port = await first.listen(0, HOST);
  await expect(listeners().listen(port, HOST)).rejects.toMatchObject({ code: "EADDRINUSE", port });
  const client = connect(port, HOST);
  await once(client, "connect");
  await expect.poll(() => accepted.length).toBe(1);
  first.stop();
  const ended = first.closed();
  client.destroy();
  accepted[0]?.destroy();
  await ended;
  expect(await listeners().listen(port, HOST)).toBe(port);
});

it("connections that came while the process was busy are taken in many at a time", async () => {
  const port = await listeners().listen(0, HOST);
  const before = accepted.length;
  const clients = new Worker(CLIENTS, { eval: true, workerData: { port, count: COUNT } });
  await once(clients, "online");
  // As a storm of handshakes keeps it busy.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  const count = (): void => {
    turn++;
    if (accepted.length - before < COUNT) setImmediate(count);
  };
  count();
  await expect.poll(() => accepted.length - before).toBe(COUNT);
  // One listening socket would take one in each turn.
  expect(Math.max(...acceptedInTurn.filter((taken) => taken !== undefined))).toBeGreaterThan(2);
  await clients.terminate();
});

const COUNT = 200;
const CLIENTS = `
const { workerData: { port, count } } = require("node:worker_threads");
for (let i = 0; i < count; i++) require("node:net").connect(port, "127.0.0.1").on("error", () => {});
`;
