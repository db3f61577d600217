import type { AgentRelease } from "@windflow/proto/api";
import { countAgentVersions, type AgentBuild } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { FoundRelease } from "./read-release.ts";
import { compareVersions } from "./versions.ts";
import { releaseMessage } from "./wire.ts";

// More versions than this run in no fleet that somebody looks after; those of which most hosts run are shown.
const VERSIONS_MOST = 200;

/** Releases that lie here, and those that hosts run; newest first. */
export async function listReleases(
  tx: UnitOfWork,
  organizationId: string,
  found: readonly FoundRelease[],
): Promise<AgentRelease[]> {
  const counts = await countAgentVersions(tx, organizationId);
  const isOf = (
    release: FoundRelease,
    { version, build }: { version: string; build: AgentBuild | undefined },
  ): boolean => release.facts.version === version && release.facts.commit === (build?.commit ?? "");
  const here = found.map((release) => {
    const hosts = counts.filter((one) => isOf(release, one)).reduce((sum, one) => sum + one.hosts, 0);
    return releaseMessage(release.facts, { hosts, available: release.problem === "", problem: release.problem });
  });
  const elsewhere = counts
    .filter((one) => !found.some((release) => isOf(release, one)))
    .toSorted((a, b) => b.hosts - a.hosts)
    .slice(0, VERSIONS_MOST)
    .map(({ version, build, hosts }) => runningMessage(version, build, hosts));
  return [...here, ...elsewhere].toSorted((a, b) => compareVersions(b.version, a.version) || newer(a, b));
}

function runningMessage(version: string, build: AgentBuild | undefined, hosts: number): AgentRelease {
  const { commit = "", development = false, protocolMin = 0, protocolMax = 0 } = build ?? {};
  const facts = { id: "", version, commit, development, protocolMin, protocolMax, releasedAt: "", files: [] };
  return releaseMessage(facts, { hosts, available: false, problem: "" });
}

const newer = (a: AgentRelease, b: AgentRelease): number =>
  (b.releasedAt?.getTime() ?? 0) - (a.releasedAt?.getTime() ?? 0);
