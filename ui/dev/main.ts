// A double of the control plane for screenshots and for work on the pages: real HTTP, invented answers.
// node --conditions=@windflow/source dev/main.ts [port] [usual|empty|large|failing] [folder of the built pages]
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";
import { makeHandlers } from "./fixture-handlers.ts";
import { answer, FixtureProblem, type Handler } from "./fixture-router.ts";
import { makeWorld, type WorldName } from "./fixture-world.ts";

const port = Number(process.argv[2] ?? 4600);
const name = (process.argv[3] ?? "usual") as WorldName;
const DIST = process.argv[4] ?? join(import.meta.dirname, "../dist");
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const handlers = makeHandlers(makeWorld(name));
if (name === "failing") {
  for (const key of Object.keys(handlers)) if (!key.startsWith("auth.")) handlers[key] = failing;
}
function failing(): never {
  throw new FixtureProblem(
    503,
    "WF_DATABASE_UNAVAILABLE",
    "The control plane cannot reach its database, so it cannot answer.",
  );
}

const server = createServer((request, response) => {
  void answer(handlers as Record<string, Handler>, request, response).then((done) => {
    if (!done) sendFile(new URL(request.url ?? "/", "http://fixture").pathname, request, response);
  });
});
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
/** As the control plane serves it: the .br that the build puts beside a file, where the browser takes it. */
function sendFile(path: string, request: IncomingMessage, response: ServerResponse): void {
  const file = join(DIST, normalize(path));
  const found = file.startsWith(DIST) && isFile(file) ? file : join(DIST, "index.html");
  const small = /\bbr\b/.test(request.headers["accept-encoding"] ?? "") && isFile(`${found}.br`);
  response.writeHead(200, {
    "content-type": TYPES[extname(found)] ?? "application/octet-stream",
    "content-security-policy": CSP,
    ...(small ? { "content-encoding": "br" } : {}),
  });
  createReadStream(small ? `${found}.br` : found).pipe(response);
}
new WebSocketServer({ server }).on("connection", (socket) => {
  const prompt = "\r\n\u001b[1;32mroot@shop-web-1\u001b[0m:\u001b[1;34m/app\u001b[0m# ";
  let line = "";
  socket.send(Buffer.from(`Linux 6.1.0-28 \u001b[38;2;120;180;255mx86_64\u001b[0m${prompt}`));
  socket.on("message", (input: Buffer, binary) => {
    if (!binary) return;
    for (const letter of input.toString()) {
      if (letter !== "\r") socket.send(Buffer.from((line += letter).slice(-1)));
      else if (line === "exit") {
        socket.send(JSON.stringify({ exitCode: 0 }));
        socket.close();
      } else {
        socket.send(Buffer.from(`\r\n${line === "" ? "" : `${line}: fixture`}${prompt}`));
        line = "";
      }
    }
  });
});
server.listen(port, "127.0.0.1", () => process.stdout.write(`fixture (${name}) on http://127.0.0.1:${port}\n`));
