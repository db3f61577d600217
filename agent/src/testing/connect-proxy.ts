import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, type Socket, connect } from "node:net";

/** An HTTP proxy that opens tunnels, on loopback. */
export interface ConnectProxy {
  readonly url: string;
  /** Targets of the tunnels that were asked for, in order. */
  readonly asked: string[];
  stop(): Promise<void>;
}

/** @param credentials "user:password" that it wants; without it, it opens for everybody */
export async function startConnectProxy(credentials?: string): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("connect", (request, down: Socket) => {
    asked.push(request.url ?? "");
    if (wanted !== undefined && request.headers["proxy-authorization"] !== wanted) {
      down.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const up = connect(Number(port), hostname, () => {
      down.write("HTTP/1.1 200 Connection established\r\n\r\n");
      up.pipe(down).pipe(up);
    });
    sockets.add(up);
    for (const [one, other] of [
      [up, down],
      [down, up],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://${credentials === undefined ? "" : `${credentials}@`}127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
