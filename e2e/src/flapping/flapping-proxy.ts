import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, type Socket, connect } from "node:net";
import type { LinkMode } from "./schedule.ts";

/** An HTTP proxy with a bad link behind it. */
export interface FlappingProxy {
  readonly url: string;
  /** Tunnels that were asked for, and those that are open on the agent's side. */
  readonly asked: number;
  readonly open: number;
  become(mode: LinkMode): void;
  stop(): Promise<void>;
}

interface Tunnel {
  readonly down: Socket;
  readonly up: Socket;
}

/** Opens tunnels by CONNECT on an address, and treats them and what they carry as the mode says. */
export async function startFlappingProxy(address: string): Promise<FlappingProxy> {
  const sockets = new Set<Socket>();
  const tunnels = new Set<Tunnel>();
  let mode: LinkMode = "open";
  let asked = 0;
  const follow = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const flow = ({ down, up }: Tunnel): void => {
    if (mode === "open" || mode === "up-only") down.resume();
    else down.pause();
    if (mode === "open" || mode === "down-only") up.resume();
    else up.pause();
  };
  const server = createServer();
  server.on("connection", follow);
  server.on("connect", (request, down: Socket) => {
    asked += 1;
    if (mode === "cut") return void down.destroy();
    if (mode === "reset") return void down.resetAndDestroy();
    // Taken, and never answered: as behind a middlebox that died.
    if (mode === "half-open" || mode === "stall") return;
    const { hostname, port } = new URL(`http://${request.url}`);
    const up = connect(Number(port), hostname, () => {
      down.write("HTTP/1.1 200 Connection established\r\n\r\n");
      const tunnel = { down, up };
      tunnels.add(tunnel);
      down.on("data", (bytes: Buffer) => up.write(bytes));
      up.on("data", (bytes: Buffer) => down.write(bytes));
      flow(tunnel);
      down.on("close", () => tunnels.delete(tunnel));
    });
    follow(up);
    down.on("close", () => up.destroy());
    // A server that ends ends the tunnel, unless the link is one that tells nobody.
    up.on("close", () => mode !== "half-open" && mode !== "stall" && down.destroy());
  });
  await once(server.listen(0, address), "listening");
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    get open() {
      return sockets.size;
    },
    become: (next) => {
      mode = next;
      for (const tunnel of tunnels) {
        if (mode === "cut") tunnel.down.destroy();
        else if (mode === "reset") tunnel.down.resetAndDestroy();
        else if (mode === "half-open") tunnel.up.destroy();
        else flow(tunnel);
      }
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
