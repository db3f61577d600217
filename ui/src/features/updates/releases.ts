import type { AgentRelease } from "@windflow/proto/client";
import { useQuery } from "@pinia/colada";
import { computed, type ComputedRef, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";

/** The releases of the agent that are known, newest first. */
export function useReleases(): {
  releases: ComputedRef<AgentRelease[] | undefined>;
  error: Ref<unknown>;
  refetch: () => Promise<unknown>;
} {
  const api = useApi();
  const session = useSession();
  const { data, error, refetch } = useQuery({
    key: ["agent-release"],
    enabled: () => session.may("updates.read"),
    query: ({ signal }) => api.agentUpdates.listAgentReleases({ organization: session.organization }, { signal }),
  });
  return { releases: computed(() => data.value?.releases ?? (data.value && [])), error, refetch: () => refetch() };
}

export type ReleaseWord = "available" | "development" | "unavailable" | "inUse";
/** How a release stands, in a word. */
export function releaseWord(release: AgentRelease): ReleaseWord {
  if (release.problem) return "unavailable";
  if (!release.available) return "inUse";
  return release.development ? "development" : "available";
}
/** Seven digits name a commit well enough for people. */
export const shortCommit = (release: AgentRelease): string => (release.commit ?? "").slice(0, 7);
/** "0.3.0 (4be17ac)": builds of one version are told apart by their commit. */
export const releaseName = (release: AgentRelease | undefined): string =>
  release === undefined ? "" : `${release.version}${release.commit ? ` (${shortCommit(release)})` : ""}`;

/** The newest release that can be brought to a host with this one, if it is another; development builds are never proposed. */
export function newerRelease(
  releases: readonly AgentRelease[],
  version: string,
  arch: string,
): AgentRelease | undefined {
  const [newest] = releases.filter(
    (one) => releaseWord(one) === "available" && (arch === "" || (one.arches ?? []).includes(arch)),
  );
  return newest === undefined || newest.version === version ? undefined : newest;
}
