import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTurns, type Turns } from "./turns.ts";

let listening: Server;
const accepted: Socket[] = [];
const clients: Socket[] = [];
beforeAll(async () => {
  listening = createServer((socket) => {
    socket.on("error", () => undefined);
    accepted.push(socket);
  });
  await once(listening.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  for (const socket of [...clients, ...accepted]) socket.destroy();
  listening.close();
});

/** Both ends of a new connection. */
async function connection(): Promise<{ client: Socket; socket: Socket }> {
  const client = connect((listening.address() as AddressInfo).port, "127.0.0.1");
  clients.push(client);
  const count = accepted.length;
  await once(client, "connect");
  await expect.poll(() => accepted.length).toBeGreaterThan(count);
  return { client, socket: accepted[count] as Socket };
}
const begun: string[] = [];
function wait(turns: Turns, name: string, { socket }: { socket: Socket }): void {
  turns.wait(socket, Buffer.from(name), () => begun.push(`${name}: ${(socket.read() as Buffer).toString()}`));
}

describe("turns at the door", () => {
  it("are taken in order, so many at once, and each begins with what was read of it and came since", async () => {
    begun.length = 0;
    const turns = createTurns({ atOnce: 2, longestMs: 60_000 });
    const [a, b, c, d] = [await connection(), await connection(), await connection(), await connection()];
    wait(turns, "a", a);
    wait(turns, "b", b);
    wait(turns, "c", c);
    wait(turns, "d", d);
    expect(begun).toEqual(["a: a", "b: b"]);
    c.client.write(" and more");
    await once(c.socket, "readable");
    turns.done(b.socket);
    turns.done(b.socket);
    await expect.poll(() => begun.slice(2)).toEqual(["c: c and more"]);
    a.client.destroy();
    await expect.poll(() => begun.slice(3)).toEqual(["d: d"]);
  });

  it("are lost by who gives up, and by who has more to say than a first message", async () => {
    begun.length = 0;
    const turns = createTurns({ atOnce: 1, longestMs: 60_000 });
    const [a, gone, loud, d] = [await connection(), await connection(), await connection(), await connection()];
    wait(turns, "a", a);
    wait(turns, "gone", gone);
    wait(turns, "loud", loud);
    wait(turns, "d", d);
    gone.client.end();
    loud.client.write(Buffer.alloc(100_000));
    loud.client.on("error", () => undefined);
    await Promise.all([once(gone.socket, "close"), once(loud.socket, "close")]);
    turns.done(a.socket);
    await expect.poll(() => begun).toEqual(["a: a", "d: d"]);
  });

  it("end by themselves for who needs too long: the others do not wait for it", async () => {
    begun.length = 0;
    const turns = createTurns({ atOnce: 1, longestMs: 20 });
    const [slow, next] = [await connection(), await connection()];
    wait(turns, "slow", slow);
    wait(turns, "next", next);
    await expect.poll(() => begun).toEqual(["slow: slow", "next: next"]);
    expect(slow.socket.destroyed).toBe(false);
  });
});
