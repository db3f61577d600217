import type { Host, HostGroup } from "@windflow/proto/client";
import { computed, effectScope, onScopeDispose, shallowRef, watch, type ComputedRef, type EffectScope } from "vue";
import { useApi } from "../../app/api.ts";
import type { PagedList } from "../../app/paged-list.ts";
import { filterOfGroup } from "./fleet-words.ts";
import { useHostList } from "./host-list.ts";

/** A line of the fleet's table: the head of a group, a host, or what is still to be read of a group. */
export type FleetRow =
  | { kind: "group"; key: string; group: HostGroup; open: boolean }
  | { kind: "host"; key: string; host: Host }
  | { kind: "more"; key: string; group: HostGroup; left: number; error: unknown };

/** The line of a host: the same one for the same answer, so that a table draws nothing anew of hosts that have not changed. */
export function makeHostRows(): (host: Host, key: string) => FleetRow {
  const made = new WeakMap<Host, FleetRow>();
  return (host, key) => {
    const known = made.get(host);
    if (known?.key === key) return known;
    const row: FleetRow = { kind: "host", key, host };
    made.set(host, row);
    return row;
  };
}

interface OpenGroup {
  scope: EffectScope;
  list: PagedList<Host>;
}

/** The lines of a grouped table: heads in their order, each followed by its hosts when it is open. */
export function linesOf(
  groups: readonly HostGroup[],
  open: ReadonlyMap<string, { rows: readonly Host[]; total: number | undefined; error: unknown }>,
  rowOf: (host: Host, key: string) => FleetRow,
): FleetRow[] {
  return groups.flatMap((group): FleetRow[] => {
    const value = group.value ?? "";
    const hosts = open.get(value);
    const head: FleetRow = { kind: "group", key: `group ${value}`, group, open: hosts !== undefined };
    if (hosts === undefined) return [head];
    const rows = hosts.rows.map((host) => rowOf(host, `${value} ${host.id}`));
    const left = (hosts.total ?? group.hosts ?? 0) - rows.length;
    const more: FleetRow[] =
      left > 0 || hosts.error !== undefined
        ? [{ kind: "more", key: `more ${value}`, group, left, error: hosts.error }]
        : [];
    return [head, ...rows, ...more];
  });
}

export interface GroupedHosts {
  rows: ComputedRef<FleetRow[]>;
  toggle(group: HostGroup): void;
  loadMore(group: HostGroup): void;
}

/** Groups that open and close; the hosts of an open one come page by page and stay up to date. */
export function useGroupedHosts(query: {
  groups: () => readonly HostGroup[];
  groupBy: () => string;
  filter: () => string;
  orderBy: () => string;
}): GroupedHosts {
  const api = useApi();
  const open = shallowRef(new Map<string, OpenGroup>());

  function close(values: readonly string[]): void {
    const next = new Map(open.value);
    for (const value of values) {
      next.get(value)?.scope.stop();
      next.delete(value);
    }
    open.value = next;
  }
  function toggle(group: HostGroup): void {
    const value = group.value ?? "";
    if (open.value.has(value)) return close([value]);
    const scope = effectScope(true);
    const list = scope.run(() =>
      useHostList({ filter: () => filterOfGroup(query.filter(), query.groupBy(), value), orderBy: query.orderBy }, api),
    );
    if (list !== undefined) open.value = new Map(open.value).set(value, { scope, list });
  }
  const closeAll = (): void => close([...open.value.keys()]);
  watch(query.groupBy, closeAll);
  onScopeDispose(closeAll);

  const rowOf = makeHostRows();
  const rows = computed(() =>
    linesOf(
      query.groups(),
      new Map(
        [...open.value].map(([value, { list }]) => [
          value,
          { rows: list.rows.value, total: list.total.value, error: list.error.value },
        ]),
      ),
      rowOf,
    ),
  );
  const loadMore = (group: HostGroup): void => void open.value.get(group.value ?? "")?.list.loadMore();
  return { rows, toggle, loadMore };
}
