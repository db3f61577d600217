import { createReadStream, createWriteStream } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";

// Higher levels of either take ten times as long: gzip gains 0.1 MB of 41, zstd 4 MB of 34.
const GZIP_LEVEL = 6;
const ZSTD_LEVEL = 10;

/** Writes FILE.gz, which any host unpacks, and FILE.zst, smaller, which an agent unpacks itself. Gives their names. */
export async function compressForTransfer(path: string): Promise<string[]> {
  const zstd = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
  await pipeline(createReadStream(path), createGzip({ level: GZIP_LEVEL }), createWriteStream(`${path}.gz`));
  await pipeline(createReadStream(path), zstd, createWriteStream(`${path}.zst`));
  return [`${basename(path)}.gz`, `${basename(path)}.zst`];
}
