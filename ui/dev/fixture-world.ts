import type { ApiToken, Container, Event, Host, Me, Rollout, Stack } from "@windflow/proto/client";
import { makeWaveRollouts } from "./fixture-waves.ts";
import { makeEvents, makeRollouts, makeTokens } from "./fixture-history.ts";
import { makeWaiting, quarantine } from "./fixture-arrivals.ts";
import { ago, makeHost, PERMISSIONS, serviceStatuses, SERVICES } from "./fixture-hosts.ts";

/** Hosts of the large fleet. */
const LARGE = Number(process.env["WINDFLOW_FIXTURE_HOSTS"] ?? 10_000);

/** Hosts that wait for approval beside it. */
const LARGE_QUEUE = Number(process.env["WINDFLOW_FIXTURE_QUEUE"] ?? 0);

export interface World {
  name: WorldName;
  me: Me;
  hosts: Host[];
  stacks: Stack[];
  containers: Container[];
  events: Event[];
  rollouts: Rollout[];
  tokens: ApiToken[];
  /** Whether the services with `build:` have been built. */
  built?: boolean;
}
export type WorldName = "usual" | "empty" | "large" | "failing";

export function makeWorld(name: WorldName): World {
  const me: Me = {
    userId: "usr_1",
    email: "admin@windflow.example",
    displayName: "Camille Martin",
    mustChangePassword: false,
    memberships: [
      {
        organizationId: "org_1",
        organizationName: "Northwind Foods",
        permissions: PERMISSIONS,
        environments: [
          { id: "env_prod", name: "prod" },
          { id: "env_staging", name: "staging" },
          { id: "env_dev", name: "dev" },
        ],
      },
    ],
  };
  if (name === "empty")
    return { name, me, hosts: [], stacks: [], containers: [], events: [], rollouts: [], tokens: [] };
  const hosts = Array.from({ length: name === "large" ? LARGE : 14 }, (_, index) => makeHost(index));
  if (name === "usual") quarantine(hosts);
  hosts.push(...makeWaiting(name === "large" ? LARGE_QUEUE : 6));
  const stacks = ["shop", "telemetry", "label-printer", "quality-camera", "edge-proxy"].map((stack, index) =>
    makeStack(stack, index, hosts),
  );
  const containers = hosts
    .slice(0, name === "large" ? 300 : 14)
    .flatMap((host, at) => stacks.slice(0, 1 + (at % 3)).flatMap((stack) => makeContainers(stack, host)));
  return {
    name,
    me,
    hosts,
    stacks,
    containers,
    events: makeEvents(hosts, stacks),
    rollouts: [...makeRollouts(stacks, hosts), ...makeWaveRollouts(stacks, hosts)],
    tokens: makeTokens(),
  };
}

const CRASHED = {
  evidence: ["buffer-1: Exited (1) 3 seconds ago", "6 restarts since 14:02:11"],
  lastLogLines: [
    "2026-11-22T14:02:55Z INFO  buffer 4.0.2 starts",
    "2026-11-22T14:02:55Z INFO  reads /etc/buffer.toml",
    "2026-11-22T14:02:56Z ERROR dial tcp 10.0.3.4:5432: connection refused",
    "2026-11-22T14:02:56Z FATAL gives up after 1 attempt",
  ],
  nextAttemptAt: ago(-42),
};
function makeStack(name: string, index: number, hosts: Host[]): Stack {
  const on = hosts.slice(0, index === 0 ? (hosts.length > 1_000 ? 1_200 : 12) : 3);
  const bad = index === 1;
  return {
    id: `stk_${index}`,
    name,
    policy:
      index === 1
        ? {
            drift: "DRIFT_REPORT",
            heal: {
              buffer: { action: "ACTION_RECREATE", whenUnhealthy: true, budget: 3, budgetSeconds: 300 },
              "*": { action: "ACTION_ALERT" },
            },
            keepRevisions: 5,
            rollout: {
              waves: [
                { name: "canary", hosts: 1, needsApproval: false, pauseSeconds: 300 },
                { name: "rest", percent: 100, needsApproval: true },
              ],
              healthGate: { stableSeconds: 30 },
              onFailure: "ON_FAILURE_ROLL_BACK",
            },
          }
        : {},
    placement:
      index === 0
        ? { matchLabels: { site: "paris" }, environmentId: "env_prod" }
        : index === 2
          ? { hostIds: [hosts[0]!.id!] }
          : { allHosts: true, environmentId: "env_prod" },
    createdAt: ago(5_000_000),
    updatedAt: ago(3_600 * (index + 1)),
    latestRevision: 7 - index,
    currentRevision: index === 0 ? 6 : 7 - index,
    activeRolloutId: index === 0 ? "rol_0" : "",
    etag: "3",
    hostsDrifted: bad ? 1 : 0,
    placementShort: bad ? "1 of 4 hosts is missing: no other host has 2 GiB of memory free." : "",
    status: {
      state: bad ? "SERVICE_STATE_CRASH_LOOPING" : "SERVICE_STATE_RUNNING",
      summary: bad ? "2 ok, 1 failed" : index === 0 ? "5 ok, 1 not reached since 14:02" : "3 ok",
      hostsOk: bad ? 2 : 3,
      hostsFailed: bad ? 1 : 0,
      hostsNotReached: index === 0 ? 1 : 0,
      hostsInProgress: 0,
      hosts: on.map((host, at) => ({
        hostId: host.id,
        hostName: host.name,
        observedRevision: 6,
        desiredRevision: index === 0 ? 7 : 6,
        state:
          bad && at === 1
            ? "SERVICE_STATE_CRASH_LOOPING"
            : host.presence === "PRESENCE_ONLINE"
              ? "SERVICE_STATE_RUNNING"
              : "SERVICE_STATE_UNKNOWN",
        cause: host.presence === "PRESENCE_ONLINE" ? "" : "Not reached since 14:02; last observed running.",
        observedAt: ago(12),
        ageSeconds: host.presence === "PRESENCE_ONLINE" ? 3 : 31_000,
        heldRevision: index === 0 && at === 3 ? 5 : 0,
        drift:
          (index === 0 && at === 2) || (bad && at === 2)
            ? ["recreate-container shop-web-1: its label tier was changed by hand"]
            : [],
        services: serviceStatuses(name, bad && at === 1).map((service) =>
          service.state === "SERVICE_STATE_CRASH_LOOPING" ? { ...service, ...CRASHED } : service,
        ),
      })),
    },
  };
}

function makeContainers(stack: Stack, host: Host): Container[] {
  return (SERVICES[stack.name!] ?? []).map((service, index) => ({
    id: `c${stack.name}${service}`.padEnd(24, "0"),
    hostId: host.id,
    hostName: host.name,
    name: `${stack.name}-${service}-1`,
    image: index === 2 ? "postgres:17" : `registry.northwind.example/${stack.name}/${service}:4.${index}.1`,
    imageId: "sha256:6f1c5a0e6d7f3b1c",
    state: "STATE_RUNNING",
    health: index === 0 ? "HEALTH_HEALTHY" : "HEALTH_NONE",
    restartCount: index === 1 ? 2 : 0,
    stackId: stack.id,
    stackName: stack.name,
    service,
    project: stack.name,
    revision: 6,
    createdAt: ago(90_000),
    startedAt: ago(86_000),
    ports: index === 0 ? [{ hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }] : [],
    mounts: index === 2 ? [{ type: "volume", source: "shop_data", target: "/var/lib/postgresql/data" }] : [],
    labels: { "com.docker.compose.project": stack.name!, "com.docker.compose.service": service },
    networks: [`${stack.name}_default`],
    command: "docker-entrypoint.sh serve",
    observedAt: ago(3),
    cpuPercent: 1.4 + index * 3.3,
    memoryBytes: String(48_000_000 * (index + 1)),
  }));
}
