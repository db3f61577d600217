// Takes one desired state after another and prints each generation that it promised to have, until somebody kills the process.
import { sha256Digest } from "@windflow/core";
import { stackBody, wantedStack } from "../../testing/stack-body.ts";
import { noFiles, openTestStore } from "../../testing/open-store.ts";

async function main(folder: string): Promise<void> {
  const { store } = openTestStore(folder);
  for (let n = (store.generation?.n ?? 0n) + 1n; ; n++) {
    const revision = Number(n);
    const body = stackBody({
      revision,
      service: { environment: { N: String(n), FILLER: "x".repeat(revision % 3_000) } },
    });
    const bodyDigest = sha256Digest(body);
    const stacks = [wantedStack({ stackId: "stk_1", revision, bodyDigest })];
    await store.take(
      { generation: { term: 1n, n }, stacks },
      { body: async () => body, secrets: async () => undefined, file: noFiles },
    );
    process.stdout.write(`${n}\n`);
  }
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
