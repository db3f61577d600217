import type { Host, HostGroup, SavedView, TimelineEntry } from "@windflow/proto/client";
import type { Handler } from "./fixture-router.ts";
import { ago, countHosts } from "./fixture-hosts.ts";
import { found, paged, sleep, text } from "./fixture-rows.ts";
import type { World } from "./fixture-world.ts";

/** Of which group a host is. */
const valueOf = (host: Host, groupBy: string): string =>
  groupBy === "" ? "" : groupBy === "@environment" ? (host.environmentName ?? "") : (host.labels?.[groupBy] ?? "");

export function matches(host: Host, word: string): boolean {
  const [key = "", quoted] = word.split("=");
  if (quoted === undefined) return host.name!.includes(word);
  const value = quoted.replaceAll('"', "");
  if (key === "presence") return host.presence === `PRESENCE_${value.replace("-", "_").toUpperCase()}`;
  if (key === "health") return host.health === `HEALTH_${value.replace("-", "_").toUpperCase()}`;
  if (key === "drifted") return (value === "yes") === (host.stacksDrifted ?? 0) > 0;
  if (key === "waiting") return (value === "yes") === (host.awaitingApproval ?? false);
  if (key === "agent") return host.agentVersion === value;
  if (key === "link") return host.linkProfileName === value;
  if (key === "environment") return host.environmentName === value;
  if (key === "stack") return value === "shop" ? Number(host.id!.slice(4)) < 6 : (host.stacksTotal ?? 0) > 1;
  return (host.labels?.[key] ?? "") === value;
}
const filtered = (hosts: Host[], filter: unknown): Host[] => {
  const words = text(filter).split(" ").filter(Boolean);
  return hosts.filter((host) => words.every((word) => matches(host, word)));
};

function groupOf(value: string, hosts: Host[]): HostGroup {
  const count = (health: Host["health"]): number => hosts.filter((host) => host.health === health).length;
  const away = hosts.filter((host) => host.health === "HEALTH_UNKNOWN").map((host) => host.presenceSince ?? "");
  return {
    value,
    hosts: hosts.length,
    presence: countHosts(hosts),
    ok: count("HEALTH_OK"),
    inProgress: count("HEALTH_IN_PROGRESS"),
    failed: count("HEALTH_FAILED"),
    unknown: count("HEALTH_UNKNOWN"),
    empty: count("HEALTH_EMPTY"),
    drifted: hosts.filter((host) => (host.stacksDrifted ?? 0) > 0).length,
    ...(away.length === 0 ? {} : { notReachedSince: away.toSorted()[0]! }),
  };
}

/** The fleet as a whole: summaries, timelines, saved views, cordon and drain. */
export function makeFleetHandlers(world: World): Record<string, Handler> {
  const host = (id: unknown): Host =>
    found(
      world.hosts.find((one) => one.id === id),
      "host",
    );
  let views: SavedView[] =
    world.name === "empty"
      ? []
      : [
          { id: "viw_1", name: "Paris, failing", list: "hosts", filter: "site=paris health=failed", own: true },
          { id: "viw_2", name: "By site", list: "hosts", groupBy: "site", own: true, shared: true },
          { id: "viw_3", name: "Cameras", list: "hosts", filter: "role=camera", orderBy: "-cpu_percent", shared: true },
        ];
  return {
    "hosts.summarizeHosts": ({ filter, groupBy }) => {
      const hosts = filtered(world.hosts, filter);
      const groups = [...Map.groupBy(hosts, (one) => valueOf(one, text(groupBy)))]
        .toSorted(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a.localeCompare(b)))
        .map(([value, members]) => groupOf(value, members));
      const labels = world.hosts.length === 0 ? [] : ["site", "role", "line", "rack"];
      return { groups, total: groupOf("", hosts), groupsLeftOut: 0, labels };
    },
    "hosts.mapHosts": ({ filter, groupBy }) => {
      const hosts = filtered(world.hosts, filter);
      const values = [...new Set(hosts.map((one) => valueOf(one, text(groupBy))))];
      return {
        ids: hosts.map((one) => one.id),
        names: hosts.map((one) => one.name),
        healths: hosts.map((one) => one.health),
        presences: hosts.map((one) => one.presence),
        drifted: hosts.map((one) => (one.stacksDrifted ?? 0) > 0),
        groups: hosts.map((one) => values.indexOf(valueOf(one, text(groupBy)))),
        values,
        total: hosts.length,
      };
    },
    "hosts.listSavedViews": () => ({ views }),
    "hosts.saveView": async ({ view }) => {
      await sleep(200);
      const next = { own: true, ...(view as SavedView) };
      next.id ||= `viw_${views.length + 1}`;
      views = [...views.filter((one) => one.id !== next.id && !(one.own && one.name === next.name)), next];
      return next;
    },
    "hosts.deleteSavedView": ({ viewId }) => void (views = views.filter((view) => view.id !== viewId)),
    "hosts.cordonHost": ({ hostId, drain }) =>
      Object.assign(host(hostId), { scheduling: drain ? "SCHEDULING_DRAINING" : "SCHEDULING_CORDONED" }),
    "hosts.uncordonHost": ({ hostId }) => Object.assign(host(hostId), { scheduling: "SCHEDULING_OPEN" }),
    "hosts.listHostTimeline": ({ hostId, kinds, page }) => {
      const wanted = [kinds ?? []].flat() as string[];
      const all = timelineOf(host(hostId)).filter(({ kind = "" }) => wanted.length === 0 || wanted.includes(kind));
      const { rows, nextPageToken } = paged(all, page);
      return { entries: rows, nextPageToken };
    },
  };
}

const LINES: [kind: string, type: string, message: string, severity: string][] = [
  ["drift", "drift.corrected", "shop: container shop-web-1 was removed by hand; it was made again.", "warning"],
  ["container", "container.die", "shop-web-1 ended with code 137.", "error"],
  ["session", "host.online", "A session was opened from 10.20.4.17.", "info"],
  ["session", "host.offline", "No heartbeat for 90 s; the last session ended with a connection reset.", "warning"],
  ["rollout", "rollout.host-succeeded", "Revision 7 of shop passed its health gate.", "info"],
  ["person", "host.labels", "The label rack became r3.", "info"],
  ["host", "host.booted", "The machine started after a power cut; it was off for 4 min.", "warning"],
  ["container", "container.healthy", "shop-api-1 became healthy.", "info"],
];
function timelineOf(host: Host): TimelineEntry[] {
  return Array.from({ length: 260 }, (_, index): TimelineEntry => {
    const [kind, type, message, severity] = LINES[index % LINES.length]!;
    const age = 30 + index * index * 16;
    return {
      id: `tml_${index}`,
      at: ago(age),
      kind,
      type,
      message,
      severity,
      actor: kind === "person" ? "camille@northwind.example" : kind === "rollout" ? "system" : "host",
      ...(kind === "rollout" ? { rolloutId: "rol_3", stackId: "stk_0", stackName: "shop" } : {}),
      ...(kind === "drift" ? { stackId: "stk_0", stackName: "shop" } : {}),
      ...(kind === "container" ? { containerId: "cshopweb0000000000000000", stackId: "stk_0", stackName: "shop" } : {}),
      ...(index > 2 && index < 8 && kind !== "person" ? { receivedAt: ago(age - Math.min(age, 190)) } : {}),
    };
  }).filter(() => host.presence !== "PRESENCE_NEVER_SEEN");
}
