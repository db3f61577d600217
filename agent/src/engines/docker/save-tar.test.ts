import { expect, test } from "vitest";
import { smallFile, type TarSource, writeTar } from "./build-tar.ts";
import { readTar } from "./save-tar.ts";

const LONG = `${"a".repeat(60)}/${"ü".repeat(60)}/file`;

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read);
}
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
function archiveOf(entries: readonly TarSource[]): Promise<Buffer> {
  return all(writeTar(entries));
}

test.each([1, 511, 512, 513, 100_000])("what was written is read again, in pieces of %i bytes", async (size) => {
  const common = { mode: 0o755, uid: 0, gid: 0, sizeBytes: 0, linkTarget: "" };
  const archive = await archiveOf([
    { ...common, kind: "folder", path: "folder" },
    smallFile("empty", Buffer.alloc(0)),
    smallFile("exact", Buffer.alloc(512, 1)),
    smallFile(LONG, Buffer.from("content")),
    { ...common, kind: "link", path: "link", linkTarget: LONG },
    smallFile("after", Buffer.from("x")),
  ]);
  const read: (string | number)[][] = [];
  for await (const entry of readTar(inPieces(archive, size))) {
    // An entry that nobody reads is passed over.
    const content = entry.name === "exact" ? "" : (await all(entry.content)).toString();
    read.push([entry.kind, entry.name, entry.sizeBytes, entry.linkTarget, content]);
  }
  expect(read).toEqual([
    ["other", "folder/", 0, "", ""],
    ["file", "empty", 0, "", ""],
    ["file", "exact", 512, "", ""],
    ["file", LONG, 7, "", "content"],
    ["link", "link", 0, LONG, ""],
    ["file", "after", 1, "", "x"],
  ]);
});

test("an archive that ends in the middle is an error", async () => {
  const archive = await archiveOf([smallFile("x", Buffer.alloc(2_000))]);
  const read = async (): Promise<void> => {
    for await (const entry of readTar(inPieces(archive.subarray(0, 1_000), 512))) await all(entry.content);
  };
  await expect(read()).rejects.toThrow("the engine's archive ends in the middle");
});

test("a file that is not as long as it was said to be is an error", async () => {
  await expect(archiveOf([{ ...smallFile("x", Buffer.from("xy")), sizeBytes: 3 }])).rejects.toThrow(
    "x has 2 bytes and was said to have 3",
  );
});

test("whoever stops early ends the archive, and what makes it", async () => {
  const archive = await archiveOf([smallFile("first", Buffer.alloc(4096)), smallFile("second", Buffer.alloc(4096))]);
  let isEnded = false;
  async function* watched(): AsyncGenerator<Buffer> {
    try {
      yield* inPieces(archive, 1024);
    } finally {
      isEnded = true;
    }
  }
  for await (const { name } of readTar(watched())) {
    expect(name).toBe("first");
    break;
  }
  expect(isEnded).toBe(true);
});
