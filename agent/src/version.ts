import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";

// Put in by the build (installer/src/build/facts.ts); run from its sources, the agent has none.
declare const WINDFLOW_BUILD:
  | { version: string; commit: string; channel: string; releaseKeys: string[]; runtime: string }
  | undefined;
const BUILD = typeof WINDFLOW_BUILD === "undefined" ? undefined : WINDFLOW_BUILD;

export const AGENT_VERSION: string = BUILD?.version ?? "0.1.0";
/** Public halves of the keys that sign releases of this agent (base64 of DER, SPKI); none when run from its sources. */
export const RELEASE_KEYS: readonly string[] = BUILD?.releaseKeys ?? [];
export const AGENT_COMMIT: string = BUILD?.commit ?? "";
/** Built for development: it trusts the DEV key alone, which is no secret. */
export const IS_DEVELOPMENT: boolean = BUILD?.channel !== "release";
/** The clock of a host that lost its battery is at least this late. */
export const BUILT_AT_MS: number = Date.UTC(2026, 10, 1);

/** What `--version` says, in one line. */
export function describeVersion(): string {
  const facts = [
    ...(BUILD === undefined ? ["from sources"] : [`commit ${BUILD.commit}`, BUILD.channel]),
    `protocol ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`,
    `node ${process.versions.node}${BUILD === undefined ? "" : ` ${BUILD.runtime}`}`,
    `${process.platform}-${process.arch}`,
  ];
  return `windflow-agent ${AGENT_VERSION} (${facts.join(", ")})`;
}
