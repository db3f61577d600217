import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** One port with several listening sockets. */
export interface Listeners {
  /** Resolves with the port. Rejects with EADDRINUSE when another program has it. */
  listen(port: number, address: string): Promise<number>;
  /** No further connections; the open ones stay. */
  stop(): void;
  /** Resolves when no connection is left. */
  closed(): Promise<void>;
}

// libuv accepts one connection of a listening socket in each turn of its loop, and a turn of a busy control plane takes tens of
// milliseconds: from one socket a storm is taken in more slowly than it comes, and the kernel's queue runs over. With so many the
// kernel spreads the connections over them, and each turn takes one of each.
const SOCKETS = 16;
// Where the sockets of one process cannot share a port: not on Linux, or a kernel that knows nothing of it.
const CANNOT_SHARE = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOPROTOOPT", "EINVAL"]);

export function createListeners(options: {
  readonly highWaterMark: number;
  /** Of each socket. */
  readonly backlog: number;
  readonly onConnection: (socket: Socket) => void;
  readonly onError: (error: Error) => void;
}): Listeners {
  const { highWaterMark, backlog, onConnection } = options;
  const servers: Server[] = [];

  async function open(at: { port: number; host: string; reusePort: boolean }): Promise<number> {
    const server = createServer({ noDelay: true, highWaterMark }, onConnection);
    server.listen({ ...at, backlog });
    await once(server, "listening");
    // One that is taken is the answer of listen().
    server.on("error", options.onError);
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  return {
    listen: async (wanted, host) => {
      const port = await freePort(wanted, host);
      try {
        for (let i = 0; i < SOCKETS; i++) await open({ port, host, reusePort: true });
      } catch (error) {
        if (servers.length > 0 || !CANNOT_SHARE.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
        await open({ port, host, reusePort: false });
      }
      return port;
    },
    stop: () => {
      for (const server of servers) server.close();
    },
    closed: async () => {
      // Resolves at once for a server that was closed before.
      await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
    },
  };
}

/** A second control plane would otherwise share the port of the first without a word. */
async function freePort(port: number, host: string): Promise<number> {
  const alone = createServer().listen({ port, host });
  await once(alone, "listening");
  const found = (alone.address() as AddressInfo).port;
  alone.close();
  await once(alone, "close");
  return found;
}
