import { FACT_PREFIX, type Placement, type PlacementHost } from "./model.ts";

/** The hosts that the stack belongs on, by name. The same input gives the same list. */
export function placeStack(
  placement: Placement,
  hosts: readonly PlacementHost[],
  stack: { readonly hasSecrets: boolean },
): PlacementHost[] {
  return hosts
    .filter((host) => mayRun(host, placement) && isWanted(placement, host, stack.hasSecrets))
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.hostId, b.hostId));
}

/** True when the selector reads what hosts say of themselves: such a stack may have no secrets. */
export function usesFacts(placement: Placement): boolean {
  return Object.keys(placement.matchLabels).some((key) => key.startsWith(FACT_PREFIX));
}

function mayRun(host: PlacementHost, placement: Placement): boolean {
  if (host.revoked || host.awaitingApproval) return false;
  return placement.environmentId === "" || host.environmentId === placement.environmentId;
}

function isWanted(placement: Placement, host: PlacementHost, hasSecrets: boolean): boolean {
  if (placement.allHosts || placement.hostIds.includes(host.hostId)) return true;
  const selector = Object.entries(placement.matchLabels);
  return selector.length > 0 && selector.every(([key, value]) => labelOf(host, key, hasSecrets) === value);
}

// A host could report any fact, also the one that would bring it the secrets of others.
function labelOf(host: PlacementHost, key: string, hasSecrets: boolean): string | undefined {
  const source = key.startsWith(FACT_PREFIX) ? (hasSecrets ? {} : host.facts) : host.labels;
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
