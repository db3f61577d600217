import type { BuildHost, BuildHosts } from "../builds/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import { placeStack } from "../placement/index.ts";
import { placementHost } from "../rollouts/index.ts";

/** Hosts as builds know them. */
export function createBuildHosts(): BuildHosts {
  return {
    placed: async (tx, stack, hasSecrets) => {
      const summaries = await listHostSummaries(tx);
      const byId = new Map(summaries.map((host) => [host.hostId, host]));
      const placed = placeStack(stack.placement, summaries.map(placementHost), { hasSecrets });
      return placed.flatMap(({ hostId }) => {
        const host = byId.get(hostId);
        return host === undefined ? [] : [buildHost(host)];
      });
    },
    find: async (tx, hostId) => {
      const [host] = await listHostSummaries(tx, { hostIds: [hostId] });
      return host === undefined || host.revoked || host.awaitingApproval ? undefined : buildHost(host);
    },
  };
}

// As Node names processors → as images do.
const ARCHITECTURES: Readonly<Record<string, string | undefined>> = { x64: "amd64" };

function buildHost(host: HostSummary): BuildHost {
  const { hostId, name, arch, presence, presenceCause } = host;
  const platform = `linux/${ARCHITECTURES[arch] ?? arch}`;
  const common = { hostId, name, platform };
  return presence === "online" || presence === "stale" ? common : { ...common, notReached: presenceCause || presence };
}
