import type { Host, HostMachine } from "@windflow/proto/client";
import type { Handler } from "./fixture-router.ts";
import { ago, makeHost } from "./fixture-hosts.ts";
import { found, sleep } from "./fixture-rows.ts";
import type { World } from "./fixture-world.ts";

const ASKED: Record<string, string>[] = [
  { site: "metz", line: "l2" },
  { site: "metz", line: "l3" },
  { site: "metz" },
  { site: "metz", role: "camera", rack: "r1" },
  {},
];
const CLONE_AT = 10;

/** Hosts that enrolled with a token for many and wait for somebody; 600 in a large fleet. */
export function makeWaiting(count: number): Host[] {
  return Array.from({ length: count }, (_, index) => {
    const host = makeHost(20_000 + index);
    return {
      ...host,
      id: `hst_w${String(index).padStart(4, "0")}`,
      name: `metz-line-${String(index + 1).padStart(3, "0")}`,
      environmentName: "prod",
      labels: { plant: "metz", token: "plant-north" },
      requestedLabels: ASKED[index % ASKED.length]!,
      awaitingApproval: true,
      presence: "PRESENCE_ONLINE",
      presenceSince: ago(40 + index * 17),
      presenceCause: "It waits for approval: nothing is sent to it before.",
      enrolledAt: ago(45 + index * 17),
      health: "HEALTH_EMPTY",
      healthSummary: "",
      stacksTotal: 0,
      stacksDrifted: 0,
      containersTotal: 6,
      containersRunning: 6,
      facts: {
        ...host.facts,
        hostname: `ip-10-20-7-${20 + (index % 200)}`,
        addresses: [`10.20.7.${20 + (index % 200)}`],
      },
    };
  });
}
/** Makes one host of the world the one that two machines claim to be. */
export function quarantine(hosts: Host[]): void {
  const host = hosts[CLONE_AT];
  if (host === undefined) return;
  Object.assign(host, {
    presence: "PRESENCE_QUARANTINED",
    presenceSince: ago(1_900),
    presenceCause:
      "Two machines showed its key in turn: boot ids 5c1e…0a41 from 10.20.4.17 and 91d7…33fe from 10.20.9.80, 14 changes in 30 min.",
    health: "HEALTH_UNKNOWN",
    healthSummary: "last known: 4 ok",
  });
}
const MACHINES: HostMachine[] = [
  {
    bootId: "5c1ec3b0-1c5b-4a52-9e57-3c1ec24d0a41",
    remoteAddress: "10.20.4.17",
    hostname: "metz-gateway-11",
    addresses: ["10.20.4.17", "fd00:20::17"],
    firstSeenAt: ago(8_600_000),
    lastSeenAt: ago(21),
    sessions: 412,
    decided: "",
  },
  {
    bootId: "91d7a2f4-77d1-4f0e-a5a0-6f1b9d2233fe",
    remoteAddress: "10.20.9.80",
    hostname: "metz-gateway-11",
    addresses: ["10.20.9.80", "192.168.122.14", "fd00:20::9:80"],
    firstSeenAt: ago(1_920),
    lastSeenAt: ago(34),
    sessions: 15,
    decided: "",
  },
];

/** The queue of hosts that wait, and machines that share an identity. */
export function makeArrivalHandlers(world: World, changed: (hostId: string) => void): Record<string, Handler> {
  const drop = (ids: unknown, act: (host: Host) => void): { count: number; problems: object[] } => {
    const problems: object[] = [];
    let count = 0;
    for (const id of ids as string[]) {
      const host = world.hosts.find((one) => one.id === id);
      if (host === undefined || host.name === "metz-line-004")
        problems.push({
          hostId: id,
          hostName: host?.name ?? id,
          code: "WF_LABELS_TOO_MANY",
          problem: "It would have 65 labels, and a host has at most 64.",
        });
      else {
        act(host);
        count += 1;
        changed(String(id));
      }
    }
    return { count, problems };
  };
  return {
    "hosts.approveHosts": async ({ hostIds, labels, acceptRequestedLabels }) => {
      await sleep(300);
      const { count, problems } = drop(hostIds, (host) => {
        const asked = acceptRequestedLabels === true ? host.requestedLabels : {};
        Object.assign(host, { awaitingApproval: false, labels: { ...host.labels, ...asked, ...(labels as object) } });
        host.requestedLabels = {};
      });
      return { approved: count, problems };
    },
    "hosts.rejectHosts": async ({ hostIds }) => {
      await sleep(300);
      const { count, problems } = drop(hostIds, (host) => void world.hosts.splice(world.hosts.indexOf(host), 1));
      return { rejected: count, problems };
    },
    "hosts.listHostMachines": ({ hostId }) => {
      const host = world.hosts.find((one) => one.id === hostId);
      return { machines: host?.presence === "PRESENCE_QUARANTINED" ? MACHINES : MACHINES.slice(0, 1) };
    },
    "hosts.resolveClones": async ({ hostId, bootId }) => {
      await sleep(300);
      for (const machine of MACHINES) machine.decided = machine.bootId === bootId ? "host" : "clone";
      const host = found(
        world.hosts.find((one) => one.id === hostId),
        "host",
      );
      changed(String(hostId));
      return Object.assign(host, {
        presence: "PRESENCE_ONLINE",
        presenceCause: "Heartbeats arrive every 15 s.",
        lastSeenAt: ago(4),
      });
    },
  };
}
