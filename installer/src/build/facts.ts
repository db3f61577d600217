import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";
import { execFileSync } from "node:child_process";
import runtimes from "./runtimes.json" with { type: "json" };

/** What a program is told of its own build (agent/src/version.ts reads it). */
export interface BuildFacts {
  version: string;
  /** The git commit, with "+changes" when files differ from it; "unknown" outside of a repository. */
  commit: string;
  /** When that commit was made (RFC 3339, UTC): the same for everybody who builds it. */
  committedAt: string;
  /** "DEV" is signed with a key that anybody can make. */
  channel: "DEV" | "release";
  /** The public halves of release keys, in two slots so that one can follow the other: base64 of DER (SPKI). */
  releaseKeys: readonly string[];
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
  return { version, ...commitOf(root), ...keys, runtime };
}

function commitOf(root: string): Pick<BuildFacts, "commit" | "committedAt"> {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const [hash = "", seconds = ""] = git("log", "-1", "--format=%H %ct").split(" ");
    const commit = `${hash}${git("status", "--porcelain") === "" ? "" : "+changes"}`;
    return { commit, committedAt: new Date(Number(seconds) * 1000).toISOString() };
  } catch {
    return { commit: "unknown", committedAt: new Date(0).toISOString() };
  }
}

/** What release.json says; the control plane reads it, and SHA256SUMS signs it. */
export function releaseDocument({ version, commit, channel, committedAt }: BuildFacts): string {
  const protocol = { protocolMin: OLDEST_PROTOCOL_VERSION, protocolMax: PROTOCOL_VERSION };
  return `${JSON.stringify({ version, commit, channel, ...protocol, releasedAt: committedAt })}\n`;
}
