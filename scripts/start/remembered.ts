import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { portFrom } from "./ports.ts";

/** Ports of an earlier start on the same state. */
interface Remembered {
  port: number;
  helloPort: number;
}

/**
 * Chooses both ports. The control plane's never moves once hosts have enrolled with it: they dial the address that they
 * were given. The hello stack keeps its own, which its containers may be holding right now.
 */
export async function choosePorts(
  stateFolder: string,
  wanted: Remembered,
  say: (line: string) => void,
): Promise<Remembered> {
  const file = join(stateFolder, "ports.json");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text !== undefined) return check(JSON.parse(text) as Remembered);
  const port = await portFrom(wanted.port);
  const helloPort = await portFrom(wanted.helloPort, [port]);
  if (port !== wanted.port) say(`port ${wanted.port} is in use: the control plane takes ${port}`);
  if (helloPort !== wanted.helloPort) say(`port ${wanted.helloPort} is in use: hello takes ${helloPort}`);
  await writeFile(file, `${JSON.stringify({ port, helloPort })}\n`);
  return { port, helloPort };
}

async function check(ports: Remembered): Promise<Remembered> {
  if ((await portFrom(ports.port)) === ports.port) return ports;
  throw new Error(
    `Port ${ports.port} is in use by another program. The hosts of this installation dial that port: free it and start again.`,
  );
}
