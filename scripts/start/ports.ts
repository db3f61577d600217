import { createServer } from "node:net";

// Enough to step over a few other servers; a machine with more of them in a row needs the flag.
const TRIES = 50;

/** The wanted port, or the next one above it that nothing listens on. */
export async function portFrom(wanted: number, taken: readonly number[] = []): Promise<number> {
  for (let port = wanted; port < wanted + TRIES && port < 65_536; port += 1) {
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
  throw new Error(`Ports ${wanted} to ${wanted + TRIES - 1} are all in use. Choose another range.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
