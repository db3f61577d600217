import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PackedEntry, unpackTree } from "./file-tree.ts";

let folder: string;
const umask = process.umask();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-tree-"));
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true, force: true });
});

function packed(entries: readonly PackedEntry[], body: string): Buffer {
  const index = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(index.length);
  return zstdCompressSync(Buffer.concat([length, index, Buffer.from(body)]));
}

const TREE: PackedEntry[] = [
  { path: "postgres", kind: "folder" },
  { path: "postgres/bin", kind: "folder" },
  { path: "postgres/bin/postgres", kind: "file", bytes: 7, executable: true },
  { path: "postgres/bin/postmaster", kind: "link", to: "postgres" },
  { path: "postgres/readme", kind: "file", bytes: 4, executable: false },
];

test("what is unpacked can be read and run by other users whatever the umask, and is unpacked once", async () => {
  process.umask(0o077);
  const tree = packed(TREE, "programtext");
  const target = await unpackTree(tree, join(folder, "program"));
  const mode = (path: string): string => (statSync(join(target, path)).mode & 0o777).toString(8);
  expect(["", "postgres/bin", "postgres/bin/postgres", "postgres/readme"].map(mode)).toEqual([
    "755",
    "755",
    "755",
    "644",
  ]);
  expect(readFileSync(join(target, "postgres/bin/postgres"), "utf8")).toBe("program");
  expect(readFileSync(join(target, "postgres/readme"), "utf8")).toBe("text");
  expect(readlinkSync(join(target, "postgres/bin/postmaster"))).toBe("postgres");
  const before = statSync(join(target, "postgres/readme")).ino;
  expect(await unpackTree(tree, join(folder, "program"))).toBe(target);
  expect(statSync(join(target, "postgres/readme")).ino).toBe(before);
});

test("what a start that was interrupted has left is begun again", async () => {
  const tree = packed(TREE, "programtext");
  const target = await unpackTree(tree, folder);
  rmSync(target, { recursive: true });
  mkdirSync(join(`${target}.new`, "postgres"), { recursive: true });
  writeFileSync(join(`${target}.new`, "postgres/half"), "ha");
  expect(await unpackTree(tree, folder)).toBe(target);
  expect(existsSync(join(target, "postgres/half"))).toBe(false);
  expect(existsSync(`${target}.new`)).toBe(false);
});

test.for([
  ["a path that leads out of it", packed([{ path: "../outside", kind: "file", bytes: 1, executable: false }], "x")],
  ["an absolute path", packed([{ path: "/tmp/outside", kind: "file", bytes: 1, executable: false }], "x")],
  ["bytes that are no tree", Buffer.from("damaged on the way")],
] as const)("%s is refused, and nothing is left", async ([, tree]) => {
  const problem = { code: { code: "WF_UNPACK_FAILED" }, detail: expect.stringContaining(folder) };
  await expect(unpackTree(tree, join(folder, "program"))).rejects.toMatchObject(problem);
  expect(existsSync(join(folder, "outside"))).toBe(false);
  expect(statSync(folder).nlink).toBe(3);
});
