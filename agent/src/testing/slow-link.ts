import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

const STEP_MS = 20;

/** A way to a server that carries only so much upwards, with the buffers of a real narrow link. */
export interface SlowLink {
  readonly port: number;
  close(): void;
}

/** @param bytesPerSecond from the client to the server; the way back is free. */
export async function startSlowLink(targetPort: number, bytesPerSecond: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  const server = createServer({ highWaterMark: 4_096 }, (client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        client.destroy();
        target.destroy();
        sockets.delete(socket);
      });
    }
    target.pipe(client);
    let allowance = 0;
    const timer = setInterval(() => {
      allowance = Math.min(allowance + (bytesPerSecond * STEP_MS) / 1_000, bytesPerSecond);
      for (;;) {
        const size = Math.min(Math.floor(allowance), client.readableLength);
        const chunk: unknown = size > 0 ? client.read(size) : null;
        if (!Buffer.isBuffer(chunk)) break;
        allowance -= chunk.length;
        target.write(chunk);
      }
    }, STEP_MS);
    client.on("readable", () => undefined);
    client.on("close", () => clearInterval(timer));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
