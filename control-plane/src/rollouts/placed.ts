import type { HostSummary } from "../hosts/index.ts";
import type { PlacementHost } from "../placement/index.ts";

/** A host as placement sees it. */
export function placementHost(host: HostSummary): PlacementHost {
  const { hostId, name, environmentId, labels, revoked, awaitingApproval } = host;
  return { hostId, name, environmentId, labels, revoked, awaitingApproval, facts: { "fact/arch": host.arch } };
}
