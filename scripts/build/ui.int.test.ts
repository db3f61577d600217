import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { run } from "@windflow/installer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compressForTransfer } from "./compress.ts";

const root = join(import.meta.dirname, "../..");
// Two builds of some seconds each, beside other tests.
const BUILD_TIMEOUT_MS = 300_000;
const COMPRESSED_BYTES = 4 * 1024 * 1024;
let folder: string;

beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache/build-ui-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function built(from: string, outFolder: string): Promise<Map<string, string>> {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "--logLevel", "error", "--outDir", outFolder];
  // As it is released: that of tests names source files.
  const env = { ...process.env, NODE_ENV: "production" };
  await run(process.execPath, args, { cwd: join(from, "ui"), env });
  return digestsBelow(outFolder);
}

function digestsBelow(path: string): Map<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const digests = files.map((entry) => {
    const file = join(entry.parentPath, entry.name);
    return [file.slice(path.length), createHash("sha256").update(readFileSync(file)).digest("hex")] as const;
  });
  return new Map(digests.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function copyOfSources(): string {
  const copy = join(folder, "clone");
  const parts = ["package.json", "tsconfig.base.json", "tsconfig.json", "proto", "ui"];
  const packages = ["agent", "bench", "control-plane", "core", "e2e", "installer", "scripts"];
  const described = packages.flatMap((name) => [`${name}/package.json`, `${name}/tsconfig.json`]);
  for (const path of [...parts, ...described].filter((name) => existsSync(join(root, name))))
    cpSync(join(root, path), join(copy, path), {
      recursive: true,
      filter: (name) => !/\/(node_modules|dist|dev|screenshots)$/.test(name),
    });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

test(
  "the web application is the same bytes from another folder",
  async () => {
    const here = await built(root, join(folder, "here"));
    expect([...here.keys()]).toContain("/index.html");
    expect(await built(copyOfSources(), join(folder, "there"))).toEqual(here);
  },
  BUILD_TIMEOUT_MS,
);

test(
  "what is compressed for transfer is the same bytes each time, and what it was",
  async () => {
    const node = readFileSync(process.execPath).subarray(0, COMPRESSED_BYTES);
    const digests = [];
    for (const name of ["one", "two"]) {
      writeFileSync(join(folder, name), node);
      expect(await compressForTransfer(join(folder, name), ["gz", "zst"])).toEqual([`${name}.gz`, `${name}.zst`]);
      digests.push(
        [".gz", ".zst"].map((end) =>
          createHash("sha256")
            .update(readFileSync(join(folder, name + end)))
            .digest("hex"),
        ),
      );
    }
    expect(digests[1]).toEqual(digests[0]);
    const unpacked = await run("/bin/sh", ["-euc", 'gzip -dc "$1" | sha256sum', "sh", join(folder, "one.gz")]);
    expect(unpacked.split(" ")[0]).toBe(createHash("sha256").update(node).digest("hex"));
  },
  BUILD_TIMEOUT_MS,
);
