import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { smallFile, writeTar } from "./build-tar.ts";

const GIB = 1024 ** 3;

test("an entry of more than 8 GiB says its size as tar reads it, and what follows is found", async () => {
  const folder = mkdtempSync(join(tmpdir(), "windflow-tar-"));
  const path = join(folder, "large.tar");
  const file = openSync(path, "w");
  // Nothing is written there: the kernel gives it when somebody looks.
  const gibibyte = Buffer.alloc(GIB);
  const content = Array.from({ length: 9 }, () => gibibyte);
  const large = {
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    linkTarget: "",
    path: "layer",
    sizeBytes: 9 * GIB,
  } as const;
  try {
    let at = 0;
    for await (const piece of writeTar([{ ...large, content }, smallFile("after", Buffer.from("words"))])) {
      // A hole where the content is: the disk does not get 9 GiB.
      if (piece.length < GIB) writeSync(file, piece, 0, piece.length, at);
      at += piece.length;
    }
    ftruncateSync(file, at);
    const listed = execFileSync("tar", ["--list", "--verbose", "--file", path], { encoding: "utf8" });
    const entries = listed
      .trim()
      .split("\n")
      .map((line) => line.split(/ +/));
    expect(entries.map((words) => [words[2], words.at(-1)])).toEqual([
      [String(9 * GIB), "layer"],
      ["5", "after"],
    ]);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
});
