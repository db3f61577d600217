import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
/** Public half of the key that signs test releases: base64 of DER (SPKI). */
export const testReleaseKey: string = publicKey.export({ format: "der", type: "spki" }).toString("base64");

/** Writes a release folder as the build does, with small files. Gives the id of the release. */
export async function writeRelease(folder: string, version: string, commit: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const note = { version, commit, channel: "DEV", protocolMin: 1, protocolMax: 1, releasedAt: "2026-11-23T00:00:00Z" };
  const files: Record<string, Buffer> = {
    "release.json": Buffer.from(JSON.stringify(note)),
    "windflow-agent-linux-x64": Buffer.alloc(200_000, `${version} x64`),
    "windflow-agent-linux-x64.zst": Buffer.alloc(100_000, `${version} zst`),
    "windflow-agent-linux-arm64.zst": Buffer.alloc(90_000, `${version} arm64`),
    "install.sh": Buffer.from("#!/bin/sh\n"),
  };
  const lines = Object.entries(files).map(([name, content]) => {
    return `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
  });
  const sums = Buffer.from(lines.join(""));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, "SHA256SUMS"), sums);
  await writeFile(join(folder, "SHA256SUMS.sig"), sign(undefined, sums, privateKey));
  return createHash("sha256").update(sums).digest("hex");
}
