import { execFileSync } from "node:child_process";
import runtimes from "./runtimes.json" with { type: "json" };

/** What a program is told of its own build (agent/src/version.ts reads it). */
export interface BuildFacts {
  version: string;
  /** The git commit, with "+changes" when files differ from it; "unknown" outside of a repository. */
  commit: string;
  /** "DEV" is signed with a key that anybody can make. */
  channel: "DEV" | "release";
  /** The public halves of release keys, in two slots so that one can follow the other: base64 of DER (SPKI). */
  releaseKeys: string[];
  /** Whether the Node inside was compared with the checksums that the Node project signs. */
  runtime: "runtime-verified" | "runtime-unverified";
}

/** The facts of a build of the files in `root`, signed with the given keys. */
export function buildFacts(
  root: string,
  version: string,
  keys: Pick<BuildFacts, "channel" | "releaseKeys">,
): BuildFacts {
  const runtime = runtimes.comparedWithUpstream ? "runtime-verified" : "runtime-unverified";
  return { version, commit: commitOf(root), ...keys, runtime };
}

function commitOf(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return `${git("rev-parse", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+changes"}`;
  } catch {
    return "unknown";
  }
}
