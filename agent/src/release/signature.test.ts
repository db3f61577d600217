import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyRelease } from "./signature.ts";

const keys = Array.from({ length: 3 }, () => generateKeyPairSync("ed25519"));
const [first, second, foreign] = keys.map(({ publicKey }) =>
  publicKey.export({ format: "der", type: "spki" }).toString("base64"),
) as [string, string, string];
let folder: string;
let agent: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-release-"));
  agent = join(folder, "windflow-agent-linux-x64");
  writeFileSync(agent, "the agent");
  const sum = createHash("sha256").update("the agent").digest("hex");
  const list = `${sum}  windflow-agent-linux-x64\n`;
  writeFileSync(join(folder, "SHA256SUMS"), list);
  writeFileSync(join(folder, "SHA256SUMS.sig"), sign(undefined, Buffer.from(list), keys[1]!.privateKey));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a release that a key of either slot has signed is good", async () => {
  await expect(verifyRelease(folder, [agent], [first, second])).resolves.toBeUndefined();
  await expect(verifyRelease(folder, [agent], [second])).resolves.toBeUndefined();
});

test("a foreign key, no key and a cut signature are refused", async () => {
  await expect(verifyRelease(folder, [agent], [first, foreign])).rejects.toThrow("not signed by a key");
  await expect(verifyRelease(folder, [agent], [])).rejects.toThrow("not signed by a key");
  writeFileSync(join(folder, "SHA256SUMS.sig"), "short");
  await expect(verifyRelease(folder, [agent], [first, second])).rejects.toThrow("not signed by a key");
});

test("an altered list, an altered file and a file that is not in the list are refused", async () => {
  const other = join(folder, "windflow-agent-linux-arm64");
  writeFileSync(other, "another");
  await expect(verifyRelease(folder, [other], [second])).rejects.toThrow("not of this release");
  writeFileSync(agent, "the agent, altered");
  await expect(verifyRelease(folder, [agent], [second])).rejects.toThrow("its checksum differs");
  writeFileSync(join(folder, "SHA256SUMS"), `${"0".repeat(64)}  windflow-agent-linux-x64\n`);
  await expect(verifyRelease(folder, [agent], [second])).rejects.toThrow("not signed by a key");
});
