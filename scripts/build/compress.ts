import { createReadStream, createWriteStream } from "node:fs";
import { basename } from "node:path";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";

// A higher level takes ten times as long and gains 0.1 MB of 41.
const GZIP_LEVEL = 6;
// A minute, for 4 MB of 34 that go over each host's link with each update.
const ZSTD_LEVEL = 19;
// No workers of its own: the stream of Node 24 breaks off with them, and agents are compressed side by side anyway.
const FORMS: Record<"gz" | "zst", () => Transform> = {
  gz: () => createGzip({ level: GZIP_LEVEL }),
  zst: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
};

/** Writes FILE.gz, which any host unpacks, and FILE.zst, smaller, which an agent unpacks itself. Gives their names. */
export async function compressForTransfer(path: string, forms: readonly ("gz" | "zst")[]): Promise<string[]> {
  const written = forms.map(async (form) => {
    await pipeline(createReadStream(path), FORMS[form](), createWriteStream(`${path}.${form}`));
    return `${basename(path)}.${form}`;
  });
  return Promise.all(written);
}
