import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { developmentKey, publicHalf, signChecksums } from "@windflow/installer/build";

/** Public half (base64 of DER) of the key that `signRelease` signs with: that of development builds, which is no secret. */
export const releaseKey: string = publicHalf(developmentKey());

/** Writes SHA256SUMS of these files of the folder, and its signature, as a build does. */
export async function signRelease(folder: string, names: readonly string[]): Promise<void> {
  const hashed = names.map(async (name) => {
    const bytes = await readFile(join(folder, name));
    return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
  });
  const sums = Buffer.from((await Promise.all(hashed)).join(""));
  await writeFile(join(folder, "SHA256SUMS"), sums);
  await writeFile(join(folder, "SHA256SUMS.sig"), signChecksums(sums, developmentKey()));
}
