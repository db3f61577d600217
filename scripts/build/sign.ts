import { checksumsOf, developmentKey, signChecksums } from "@windflow/installer/build";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, dist } from "./options.ts";
import { say } from "./say.ts";

/** Writes SHA256SUMS of files in a folder, and for development builds its signature. */
export async function writeChecksums(folder: string, names: readonly string[], { keys }: BuildOptions): Promise<void> {
  const sums = await checksumsOf(folder, names);
  writeFileSync(join(folder, "SHA256SUMS"), sums);
  if (keys.channel === "DEV") writeFileSync(join(folder, "SHA256SUMS.sig"), signChecksums(sums, developmentKey()));
}

/** Lets the built agent check files by the keys inside of it. Throws with what it says. */
export function verifyByAgent(folder: string, names: readonly string[], { ownArch }: BuildOptions): void {
  const args = ["verify", ...names.map((name) => join(folder, name))];
  say(execFileSync(join(dist, `windflow-agent-linux-${ownArch}`), args, { encoding: "utf8" }).trim());
}
