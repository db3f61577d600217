import { builtAgent } from "@windflow/e2e/testbed";
import { createReadStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";

const MB = 1e6;
/** As released: scripts/build/compress.ts. */
const ZSTD_LEVEL = 19;

/** Megabytes of the executable and of what travels of it. */
export interface Sizes {
  readonly binaryMb: Readonly<Record<string, number>>;
  readonly compressedMb: Readonly<Record<string, number>>;
}

export async function measureSizes(): Promise<Sizes> {
  const arches = ["x64", "arm64"] as const;
  const sizes = await Promise.all(
    arches.map(async (arch) => {
      const program = await builtAgent({ arch });
      return { arch, bytes: statSync(program).size, compressed: await compressedBytes(program) };
    }),
  );
  return {
    binaryMb: Object.fromEntries(sizes.map(({ arch, bytes }) => [arch, Math.round(bytes / MB)])),
    compressedMb: Object.fromEntries(
      sizes.map(({ arch, compressed }) => [arch, Math.round((10 * compressed) / MB) / 10]),
    ),
  };
}

async function compressedBytes(path: string): Promise<number> {
  let bytes = 0;
  const zstd = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
  await pipeline(createReadStream(path), zstd, async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) bytes += piece.length;
  });
  return bytes;
}
