// Takes one desired state after another and prints each generation that it promised to have, until somebody kills the process.
import { sha256Digest } from "@windflow/core";
import { stackBody, wantedStack } from "../../testing/stack-body.ts";
import { openDesiredStore } from "../desired-store.ts";

async function main(folder: string): Promise<void> {
  const store = openDesiredStore({
    folder,
    organizationId: "org_1",
    sealingPrivateKey: new Uint8Array(32).fill(1),
    policyFile: "/nonexistent",
    platform: "linux/amd64",
  });
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
      { body: async () => body, secrets: async () => undefined },
    );
    process.stdout.write(`${n}\n`);
  }
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
