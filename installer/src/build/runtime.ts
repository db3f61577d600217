import { join } from "node:path";
import { digestOf, npmPackage } from "./npm-package.ts";
import runtimes from "./runtimes.json" with { type: "json" };

/** Architectures that programs are built for, as Node names them. */
export type Arch = "x64" | "arm64";

/** Path of the locked Node for an architecture. Throws when its bytes are not those that runtimes.json names. */
export async function lockedRuntime(root: string, arch: Arch): Promise<string> {
  const { package: name, binarySha256: wanted } = runtimes[`linux-${arch}`];
  const path = join(await npmPackage(root, name), "bin/node");
  const found = await digestOf(path, "sha256", "hex");
  if (found === wanted) return path;
  throw new Error(
    `${path} is not the runtime that runtimes.json names (sha256 ${found}, wanted ${wanted}). Remove it and run npm ci again.`,
  );
}
