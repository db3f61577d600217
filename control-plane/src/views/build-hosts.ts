import type { BuildHost, BuildHosts } from "../builds/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import type { Clock } from "../platform/index.ts";
import { placeStack } from "../rollouts/index.ts";
import { placementSight } from "./placement-sight.ts";

/** Hosts as builds know them. */
export function createBuildHosts({ clock }: { readonly clock: Clock }): BuildHosts {
  return {
    placed: async (tx, stack, hasSecrets) => {
      const summaries = await listHostSummaries(tx);
      const byId = new Map(summaries.map((host) => [host.hostId, host]));
      const { chosen } = await placeStack(tx, placementSight, { stack, revision: 0, hasSecrets, now: clock.now() });
      return chosen.flatMap(({ hostId }) => {
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
