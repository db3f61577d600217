// Appends to a spool as fast as it can and prints each number that is durable, until somebody kills the process.
import { randomUUID } from "node:crypto";
import { systemClock } from "../../platform/clock.ts";
import { openSpool } from "../spool.ts";

const folder = process.argv[2] ?? "";
const spool = openSpool({
  folder,
  maxBytes: 64 * 1024 * 1024,
  segmentBytes: 8 * 1024,
  newId: () => randomUUID(),
  clock: systemClock,
  log: () => undefined,
});
let n = Number(spool.durable);
spool.onDurable(() => void process.stdout.write(`${spool.durable}\n`));

async function write(): Promise<void> {
  for (;;) {
    for (let i = 0; i < 20; i++) spool.append(Buffer.from(JSON.stringify({ n: ++n, filler: "x".repeat(n % 300) })));
    await spool.flush();
  }
}
write().catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
