import type { ApproveHostsRequest, Host } from "@windflow/proto/client";

/** A label that some hosts ask for. */
export interface AskedLabel {
  key: string;
  value: string;
  hosts: number;
}
/** The API's own maximum for a call. */
export const HOSTS_A_CALL = 500;

/** "site=paris": how a label is named here. */
export const labelText = ({ key, value }: { key: string; value: string }): string => `${key}=${value}`;

/** What the hosts ask for, each label once, the most wanted first. */
export function askedLabels(hosts: readonly Host[]): AskedLabel[] {
  const all = new Map<string, AskedLabel>();
  for (const host of hosts) {
    for (const [key, value] of Object.entries(host.requestedLabels ?? {})) {
      const text = labelText({ key, value });
      const known = all.get(text);
      if (known === undefined) all.set(text, { key, value, hosts: 1 });
      else known.hosts += 1;
    }
  }
  return [...all.values()].toSorted((a, b) => b.hosts - a.hosts || (labelText(a) < labelText(b) ? -1 : 1));
}

export type Approval = Pick<ApproveHostsRequest, "hostIds" | "labels" | "acceptRequestedLabels">;

/**
 * The fewest calls that let the hosts in, each with those of its own labels that were taken (as `labelText`), and with `more`.
 * Hosts of which all, or none, are taken share calls; the others go by the set that is left to them.
 */
export function approvalsFor(
  hosts: readonly Host[],
  taken: ReadonlySet<string>,
  more: Record<string, string>,
): Approval[] {
  const groups = new Map<string, Approval & { hostIds: string[] }>();
  for (const host of hosts) {
    const asked = Object.entries(host.requestedLabels ?? {});
    const kept = asked.filter(([key, value]) => taken.has(labelText({ key, value })));
    const all = asked.length > 0 && kept.length === asked.length;
    const group = all
      ? "all"
      : kept
          .map(([key, value]) => labelText({ key, value }))
          .toSorted((a, b) => (a < b ? -1 : 1))
          .join();
    const approval = groups.get(group) ?? {
      hostIds: [],
      labels: all ? more : { ...Object.fromEntries(kept), ...more },
      acceptRequestedLabels: all,
    };
    approval.hostIds.push(host.id ?? "");
    groups.set(group, approval);
  }
  return [...groups.values()].flatMap((approval) =>
    chunks(approval.hostIds, HOSTS_A_CALL).map((hostIds) => ({ ...approval, hostIds })),
  );
}

export function chunks<Item>(all: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}
