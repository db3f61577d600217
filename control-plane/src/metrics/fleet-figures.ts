import { columnMeaning, HEALTHS } from "@windflow/core";
import { countAgentVersions, findHosts, type HostPresence } from "../hosts/index.ts";
import type { Clock, Database } from "../platform/index.ts";
import { knownContainers, type KnownContainer } from "./containers.ts";
import { createExposition, labelName, type Exposition } from "./exposition.ts";
import { latestFigures, type SubjectFigures } from "./latest-figures.ts";
import { keyOf, kindOf, type Subject } from "./model.ts";
import type { StackFigure, StackFigures } from "./ports.ts";
import { OLD_MS, type RecentSamples } from "./recent.ts";

// A scrape of more is no scrape: 15 lines for each.
const MOST_HOSTS = 10_000;
const MOST_CONTAINERS = 20_000;
// How a stack stands is put together out of its hosts.
const MOST_STACKS = 500;
// Labels of a host are its owner's words; Prometheus keeps each as a part of a series.
const MOST_LABELS = 20;
// Several servers that scrape, or one that is impatient, get the same text.
const REUSED_MS = 10_000;
const PRESENCES: readonly HostPresence[] = ["online", "stale", "offline", "never-seen", "quarantined", "revoked"];

type Hosts = Awaited<ReturnType<typeof findHosts>>;
type Figures = ReadonlyMap<string, number>;

/** The hosts and containers of one organization for Prometheus: their last figures, from whichever control plane has them. */
export function createFleetFigures(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly recent: RecentSamples;
  readonly stackFigures: StackFigures;
}): (organizationId: string) => Promise<string> {
  const { database, clock, recent, stackFigures } = parts;
  const texts = new Map<string, { text: Promise<string>; at: number }>();

  async function read(organizationId: string): Promise<string> {
    const now = clock.now();
    return database.inOrganization(
      organizationId,
      async (tx) => {
        const filter = { words: [], labels: [], presences: [] };
        const hosts = await findHosts(tx, { organizationId, filter, hostIds: [], limit: MOST_HOSTS + 1 });
        const shown = hosts.slice(0, MOST_HOSTS);
        const ids = shown.map(({ hostId }) => hostId);
        const inMemory = recent.of(new Set(ids), now.getTime());
        const known = new Set(inMemory.map(({ subject }) => subject.hostId));
        const elsewhere = await latestFigures(
          tx,
          shown
            .filter(({ hostId, presence }) => !known.has(hostId) && presence === "online")
            .map((host) => host.hostId),
          now,
        );
        const figures = [...inMemory, ...elsewhere];
        const since = new Date(now.getTime() - OLD_MS);
        const limit = MOST_CONTAINERS + 1;
        const query = { organizationId, hostIds: ids, stackId: "", service: "", since, limit };
        const containers = await knownContainers(tx, query);
        const { stacks, isCut: isStackCut } = await stackFigures.of(tx, MOST_STACKS);
        const isCut = hosts.length > MOST_HOSTS || containers.length > MOST_CONTAINERS || isStackCut;
        const agents = await countAgentVersions(tx, organizationId);
        return write({ hosts: shown, agents }, containers.slice(0, MOST_CONTAINERS), figures, stacks, isCut);
      },
      { readOnly: true },
    );
  }

  return (organizationId) => {
    const now = clock.monotonicMs();
    for (const [key, { at }] of texts) if (now - at >= REUSED_MS) texts.delete(key);
    const before = texts.get(organizationId);
    if (before !== undefined) return before.text;
    const text = read(organizationId);
    texts.set(organizationId, { text, at: now });
    text.catch(() => texts.delete(organizationId));
    return text;
  };
}

function write(
  { hosts, agents }: { readonly hosts: Hosts; readonly agents: Awaited<ReturnType<typeof countAgentVersions>> },
  containers: readonly KnownContainer[],
  figures: readonly SubjectFigures[],
  stacks: readonly StackFigure[],
  isCut: boolean,
): string {
  const out = createExposition();
  const most = `${MOST_HOSTS} hosts, ${MOST_CONTAINERS} containers or ${MOST_STACKS} stacks`;
  const cut = `1 when the fleet has more than ${most} and the others are left out.`;
  out.gauge("windflow_fleet_cut_off", cut, {}, isCut ? 1 : 0);
  for (const presence of PRESENCES) {
    const count = hosts.filter((host) => host.presence === presence).length;
    out.gauge("windflow_fleet_hosts", "Hosts of the organization by presence.", { presence }, count);
  }
  for (const { version, build, hosts: count } of agents) {
    const labels = { version, commit: build?.commit ?? "" };
    out.gauge(
      "windflow_fleet_hosts_by_agent",
      "Hosts of the organization by version and build of their agents.",
      labels,
      count,
    );
  }
  for (const { hostId, name, labels, presence } of hosts) {
    const own = { host_id: hostId, host: name };
    out.gauge("windflow_host_up", "1 when the host is online, by its lease.", own, presence === "online" ? 1 : 0);
    const words = Object.entries(labels).slice(0, MOST_LABELS);
    const info = { ...own, presence, ...Object.fromEntries(words.map(([key, value]) => [labelName(key), value])) };
    out.gauge("windflow_host_info", "Always 1; the host's labels, to join with its other figures.", info, 1);
  }
  const nameOf = new Map(hosts.map((host) => [host.hostId, host.name]));
  addHealth(out, hosts);
  addStacks(out, stacks);
  for (const { subject, figures: columns } of figures) {
    if (kindOf(subject) !== "host") continue;
    addColumns(out, subject, { host_id: subject.hostId, host: nameOf.get(subject.hostId) ?? "" }, columns);
  }
  const byContainer = new Map(figures.map(({ subject, figures: columns }) => [keyOf(subject), columns]));
  for (const container of containers) {
    const columns = byContainer.get(keyOf(container));
    if (columns === undefined) continue;
    const { hostId, containerId, name, service, stackId } = container;
    const own = { host_id: hostId, host: nameOf.get(hostId) ?? "", container_id: containerId, container: name };
    addColumns(out, container, { ...own, service, stack_id: stackId }, columns);
  }
  return out.text();
}

/** As pages tell it: nothing is known of the health of a host that is not reached. */
function addHealth(out: Exposition, hosts: Hosts): void {
  for (const health of HEALTHS) {
    const count = hosts.filter((host) => host.health === health).length;
    out.gauge("windflow_fleet_hosts_by_health", "Hosts of the organization by health.", { health }, count);
  }
  const drifted = "Stacks of the host with drift, as it last reported.";
  const held = "Stacks that somebody holds on the host, as it last reported.";
  for (const { hostId, name, health, stacksDrifted, stacksHeld } of hosts) {
    const own = { host_id: hostId, host: name };
    for (const one of HEALTHS) {
      const help = "1 for the health that the host has; unknown while it is not reached.";
      out.gauge("windflow_host_health", help, { ...own, health: one }, one === health ? 1 : 0);
    }
    out.gauge("windflow_host_stacks_drifted", drifted, own, stacksDrifted);
    out.gauge("windflow_host_stacks_held", held, own, stacksHeld);
  }
}

function addStacks(out: Exposition, stacks: readonly StackFigure[]): void {
  for (const { stackId, name, hosts } of stacks) {
    for (const [status, count] of Object.entries(hosts)) {
      const labels = { stack_id: stackId, stack: name, status };
      out.gauge("windflow_stack_hosts", "Hosts of the stack by how it stands there.", labels, count);
    }
  }
}

function addColumns(out: Exposition, subject: Subject, labels: Record<string, string>, columns: Figures): void {
  const kind = kindOf(subject);
  for (const [name, value] of columns) {
    const known = columnMeaning(kind, name);
    if (known === undefined) continue;
    const { column, device, meaning } = known;
    const place = meaning.perDevice === undefined ? {} : { [meaning.perDevice]: device ?? "" };
    const help = `${kind === "host" ? "Of a host" : "Of a container"}: ${meaning.meaning}.`;
    out.gauge(`windflow_${kind}_${column}`, help, { ...labels, ...place }, value);
  }
}
