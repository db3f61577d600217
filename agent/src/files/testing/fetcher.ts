// Fetches a large content slowly, until somebody kills the process. Arguments: folder of the store, size in bytes.
import { setTimeout as pause } from "node:timers/promises";
import { sha256Digest } from "@windflow/core";
import { openContentStore } from "../content-store.ts";

const PIECE = 10_000;

async function main(folder: string, size: number): Promise<void> {
  const bytes = Buffer.alloc(size, "windflow");
  const wanted = { digest: sha256Digest(bytes), sizeBytes: size };
  await openContentStore(folder).fetch(wanted, async function* (_digest, offset) {
    process.stdout.write(`${offset}\n`);
    for (let at = offset; at < size; at += PIECE) {
      yield bytes.subarray(at, at + PIECE);
      await pause(1);
    }
  });
}

main(process.argv[2] ?? "", Number(process.argv[3])).catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
