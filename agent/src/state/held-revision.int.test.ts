import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Digest } from "@windflow/core";
import type { DesiredStack } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noFiles, openTestStore } from "../testing/open-store.ts";
import { stackBody, wantedStack } from "../testing/stack-body.ts";
import type { DesiredStore } from "./desired-store.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "windflow-held-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bodies = new Map<string, Uint8Array>();
const source = {
  body: async (digest: string) => bodies.get(digest) ?? Buffer.from("nothing"),
  secrets: async () => undefined,
  file: noFiles,
};
function revision(number: number, over: Partial<DesiredStack> = {}): DesiredStack {
  const bytes = stackBody({ revision: number });
  bodies.set(sha256Digest(bytes), bytes);
  return wantedStack({ stackId: "stk_1", revision: number, bodyDigest: sha256Digest(bytes), ...over });
}
async function take(store: DesiredStore, n: bigint, ...stacks: DesiredStack[]): Promise<void> {
  await store.take({ generation: { term: 1n, n }, stacks }, source);
  for (const stack of store.world()?.stacks ?? []) store.noteRan(stack);
}

test("volumes that the wanted revision may lose are not lost to the one that root goes back to", async () => {
  const { store } = openTestStore(folder);
  await take(store, 1n, revision(1));
  await take(store, 2n, revision(2, { attempt: "rol_2", recreateVolumes: ["data"] }));
  store.hold("stk_1", 1, 5);
  expect(store.world()?.stacks).toMatchObject([{ revision: 1, held: true, recreateVolumes: [] }]);
  store.release("stk_1");
  expect(store.world()?.stacks).toMatchObject([{ revision: 2, attempt: "rol_2", recreateVolumes: ["data"] }]);
});

test("what a held stack had adopted stays its own, also when it is wanted no more", async () => {
  const { store } = openTestStore(folder);
  await take(store, 1n, revision(1, { adoptedContainerIds: ["c1"] }));
  store.hold("stk_1", 1, 5);
  await take(store, 2n);
  await take(store, 3n);
  expect(store.world()?.stacks).toMatchObject([{ revision: 1, held: true, adopted: ["c1"] }]);
  expect(openTestStore(folder).store.world()?.stacks).toMatchObject([{ held: true, adopted: ["c1"] }]);
});
