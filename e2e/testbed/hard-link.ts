import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** What makes a way to a server hard. Packets are lost by the kernel (iptables), not here: what TCP has taken it delivers. */
export interface HardLinkOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Address to listen at; loopback without it. */
  readonly address?: string;
  /** Each byte comes so much later, in each direction; 1,000 makes a round trip of two seconds. The handshake of TCP ends here. */
  readonly oneWayMs?: number;
  /** In each direction; unlimited without it. */
  readonly bytesPerSecond?: number;
  /** Is an HTTP proxy: takes a CONNECT before it, whatever the target that is asked for. */
  readonly isProxy?: boolean;
}

/** A way to a server with the delay of a satellite and the width of a modem, in user space. */
export interface HardLink {
  readonly port: number;
  /** Connections that were made. */
  readonly connections: number;
  /** What it has carried, as bytes of TCP: TLS and all above it counted, headers of TCP and IP and what the kernel sends again not. */
  readonly bytes: { readonly up: number; readonly down: number };
  /** Ends every connection without a word. */
  cut(): void;
  close(): void;
}

/** What may be on its way in one direction: the buffers of routers between. */
const MOST_ON_ITS_WAY_BYTES = 256 * 1024;
const CONNECT_END = "\r\n\r\n";

export async function startHardLink(options: HardLinkOptions): Promise<HardLink> {
  const { target, address = "127.0.0.1", oneWayMs = 0, bytesPerSecond = Infinity } = options;
  const sockets = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  let connections = 0;

  const carry = (from: Socket, to: Socket, direction: keyof typeof bytes, first: Buffer): void => {
    let onItsWay = 0;
    let freeAt = 0;
    const put = (chunk: Buffer): void => {
      onItsWay += chunk.length;
      if (onItsWay > MOST_ON_ITS_WAY_BYTES) from.pause();
      freeAt = Math.max(performance.now(), freeAt) + (chunk.length * 1_000) / bytesPerSecond;
      setTimeout(
        () => {
          to.write(chunk);
          bytes[direction] += chunk.length;
          onItsWay -= chunk.length;
          if (onItsWay <= MOST_ON_ITS_WAY_BYTES) from.resume();
        },
        freeAt - performance.now() + oneWayMs,
      );
    };
    if (first.length > 0) put(first);
    from.on("data", put);
    from.on("end", () => setTimeout(() => to.end(), Math.max(0, freeAt - performance.now()) + oneWayMs));
  };
  const join = (client: Socket, first: Buffer): void => {
    const server = keep(connect({ ...target, noDelay: true }));
    carry(client, server, "up", first);
    carry(server, client, "down", Buffer.alloc(0));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on("close", (isBroken) => isBroken && setTimeout(() => other.destroy(), oneWayMs));
  };
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ noDelay: true }, (client) => {
    connections++;
    keep(client);
    if (options.isProxy !== true) return join(client, Buffer.alloc(0));
    let asked = "";
    const listen = (chunk: Buffer): void => {
      asked += chunk.toString("latin1");
      const end = asked.indexOf(CONNECT_END);
      if (end < 0) return;
      client.off("data", listen);
      if (!asked.startsWith("CONNECT ")) return void client.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      setTimeout(() => client.write("HTTP/1.1 200 Connection established\r\n\r\n"), 2 * oneWayMs);
      join(client, Buffer.from(asked.slice(end + CONNECT_END.length), "latin1"));
    };
    client.on("data", listen);
  });
  await once(server.listen(0, address), "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    bytes,
    cut,
    close: () => {
      cut();
      server.close();
    },
  };
}
