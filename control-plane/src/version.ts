import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";

// Put in by the build (installer/src/build/facts.ts); run from its sources, the control plane has none.
declare const WINDFLOW_BUILD:
  | { version: string; commit: string; channel: string; releaseKeys: string[]; runtime: string }
  | undefined;
const BUILD = typeof WINDFLOW_BUILD === "undefined" ? undefined : WINDFLOW_BUILD;

export const CONTROL_PLANE_VERSION: string = BUILD?.version ?? "0.1.0";
/** Public halves of the keys that sign what new hosts install (base64 of DER, SPKI); none when run from its sources. */
export const RELEASE_KEYS: readonly string[] = BUILD?.releaseKeys ?? [];

/** What `--version` says, in one line. */
export function describeVersion(): string {
  const from = BUILD === undefined ? "from sources" : `commit ${BUILD.commit}, ${BUILD.channel}`;
  const node = BUILD === undefined ? process.versions.node : `${process.versions.node} ${BUILD.runtime}`;
  const protocol = `protocol ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`;
  return `windflow-control-plane ${CONTROL_PLANE_VERSION} (${from}, ${protocol}, node ${node}, ${process.platform}-${process.arch})`;
}
