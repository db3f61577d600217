import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Caller } from "../platform/index.ts";
import { startTestDoors, type TestDoors } from "../testing/doors.ts";

let doors: TestDoors;
let browserGone: () => void = () => undefined;

beforeAll(async () => {
  doors = await startTestDoors({
    register: (api) => {
      api.terminals.handle("echo", async (socket, payload, caller) => {
        await socket.write(
          Buffer.from(`${JSON.stringify(payload)} ${caller.name} ${[...caller.permissions].join()}\n`),
        );
        socket.signal.addEventListener("abort", () => browserGone());
        for await (const input of socket.input) {
          if ("columns" in input) await socket.write(Buffer.from(`${input.columns}x${input.rows}\n`));
          else if (Buffer.from(input.bytes).toString() === "exit") return socket.exit({ exitCode: 7, reason: "" });
          else await socket.write(input.bytes);
        }
      });
      api.terminals.handle(
        "reads nothing",
        (socket) => new Promise((resolve) => socket.signal.addEventListener("abort", () => resolve())),
      );
      api.terminals.handle("fails", () => Promise.reject(new Error("an inner cause")));
    },
  });
});
afterAll(async () => {
  await doors?.stop();
});

const caller: Caller = {
  kind: "user",
  id: "usr_1",
  name: "ada",
  organizationId: "org_1",
  permissions: new Set(["containers.exec"]),
  remoteAddress: "",
  requestId: "",
};
const ticket = async (kind = "echo"): Promise<string> =>
  (await doors.api.tickets.issue({ kind, caller, payload: { greeting: "hi" } })).path;

function open(
  path: string,
  origin: string | undefined = `https://127.0.0.1:${doors.port}`,
): { socket: WebSocket; frames: string[]; ended: Promise<string> } {
  const socket = new WebSocket(`wss://127.0.0.1:${doors.port}${path}`, {
    ca: doors.ca,
    ...(origin === undefined ? {} : { origin }),
  });
  const frames: string[] = [];
  socket.on("message", (content: Buffer, isBinary) =>
    frames.push(`${isBinary ? "bytes" : "text"} ${content.toString()}`),
  );
  const ended = new Promise<string>((resolve) => {
    socket.once("unexpected-response", (_request, response) => {
      resolve(`refused ${response.statusCode ?? 0}`);
      socket.terminate();
    });
    socket.once("error", () => resolve("error"));
    socket.once("close", (code) => resolve(`closed ${code}`));
  });
  return { socket, frames, ended };
}

test("a ticket opens one terminal with input, sizes and an exit", async () => {
  const { socket, frames, ended } = open(await ticket());
  await new Promise((resolve) => socket.once("open", resolve));
  socket.send(JSON.stringify({ columns: 80, rows: 24 }));
  socket.send(JSON.stringify({ columns: 0, rows: 24 }));
  socket.send(Buffer.from("ls"));
  socket.send(Buffer.from("exit"));
  expect(await ended).toBe("closed 1000");
  expect(frames).toEqual([
    'bytes {"greeting":"hi"} ada containers.exec\n',
    "bytes 80x24\n",
    "bytes ls",
    'text {"exitCode":7,"reason":""}',
  ]);
});

test("a ticket works once", async () => {
  const path = await ticket();
  const first = open(path);
  await new Promise((resolve) => first.socket.once("open", resolve));
  expect(await open(path).ended).toBe("refused 401");
  expect(await open(`${path}x`).ended).toBe("refused 401");
  first.socket.close();
});

test("a ticket is worth nothing after 30 seconds, nor with another secret, and stands nowhere in plain text", async () => {
  const database = doors.platform.database;
  const stored = async () => (await database.asSystem((tx) => sql`SELECT * FROM tickets`.execute(tx.queries))).rows;
  const late = await ticket();
  expect(JSON.stringify(await stored())).not.toMatch(/greeting|containers\.exec/);
  await database.asSystem((tx) => sql`UPDATE tickets SET expires_at = now()`.execute(tx.queries));
  expect(await open(late).ended).toBe("refused 401");
  expect(await open(`${(await ticket()).slice(0, -1)}`).ended).toBe("refused 401");
  expect(await stored()).toEqual([]);
});

test("another site's page cannot use it, nor a page without an origin", async () => {
  expect(await open(await ticket(), "https://evil.example").ended).toBe("refused 403");
  expect(await open(await ticket(), "").ended).toBe("refused 403");
});

test("the handler learns that the browser is gone", async () => {
  const gone = new Promise<void>((resolve) => (browserGone = resolve));
  const { socket } = open(await ticket());
  await new Promise((resolve) => socket.once("open", resolve));
  socket.terminate();
  await expect(gone).resolves.toBeUndefined();
});

test("a failure closes the terminal without its cause", async () => {
  const { frames, ended } = open(await ticket("fails"));
  expect(await ended).toBe("closed 1011");
  expect(frames).toEqual(['text {"exitCode":-1,"reason":"the terminal failed"}']);
});

test("an address without an upgrade says what it is", async () => {
  expect((await doors.rest.call("GET", await ticket())).status).toBe(426);
});

test("a browser that sends more than the host reads loses its terminal before that fills the memory", async () => {
  const { socket, ended } = open(await ticket("reads nothing"));
  await new Promise((resolve) => socket.once("open", resolve));
  for (let sent = 0; sent < 8; sent++) socket.send(Buffer.alloc(200 * 1024));
  expect(await ended).toMatch(/^(closed 1006|error)$/);
});
