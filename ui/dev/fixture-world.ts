import type {
  ApiToken,
  Container,
  Event,
  Host,
  HostCounts,
  Me,
  Rollout,
  ServiceStatus,
  Stack,
} from "@windflow/proto/client";

export interface World {
  name: WorldName;
  me: Me;
  hosts: Host[];
  stacks: Stack[];
  containers: Container[];
  events: Event[];
  rollouts: Rollout[];
  tokens: ApiToken[];
}
export type WorldName = "usual" | "empty" | "large" | "failing";

const SITES = ["paris", "lyon", "lille", "nantes", "brest", "metz"];
const ROLES = ["edge", "gateway", "store", "press", "camera"];
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const PERMISSIONS = [
  "apiTokens.read",
  "apiTokens.write",
  "containers.exec",
  "containers.read",
  "containers.write",
  "enrollmentTokens.read",
  "enrollmentTokens.write",
  "events.read",
  "hosts.read",
  "hosts.shell",
  "hosts.write",
  "logs.read",
  "metrics.read",
  "rollouts.read",
  "rollouts.write",
  "stacks.deploy.privileged",
  "stacks.read",
  "stacks.write",
];

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
  const hosts = Array.from({ length: name === "large" ? 10_000 : 14 }, (_, index) => makeHost(index));
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
    rollouts: makeRollouts(stacks, hosts),
    tokens: makeTokens(),
  };
}

export function makeHost(index: number): Host {
  const site = SITES[index % SITES.length]!;
  const role = ROLES[index % ROLES.length]!;
  const presence =
    index % 13 === 4
      ? "PRESENCE_OFFLINE"
      : index % 17 === 6
        ? "PRESENCE_STALE"
        : index === 11
          ? "PRESENCE_NEVER_SEEN"
          : "PRESENCE_ONLINE";
  const online = presence === "PRESENCE_ONLINE";
  return {
    id: `hst_${String(index).padStart(4, "0")}`,
    name: `${site}-${role}-${String(index + 1).padStart(2, "0")}`,
    environmentId: index % 5 === 3 ? "env_staging" : "env_prod",
    environmentName: index % 5 === 3 ? "staging" : "prod",
    labels: {
      site,
      role,
      ...(index % 4 === 0 ? { rack: `r${(index % 7) + 1}` } : {}),
      ...(index % 3 === 0 ? { line: `l${(index % 5) + 1}` } : {}),
    },
    presence,
    presenceSince: ago(online ? 260_000 - index * 60 : presence === "PRESENCE_STALE" ? 13 : 1_900 + index * 31),
    presenceCause: online
      ? "Heartbeats arrive every 15 s."
      : presence === "PRESENCE_NEVER_SEEN"
        ? "It enrolled, but never opened a session."
        : presence === "PRESENCE_STALE"
          ? "No heartbeat for 58 s; the connection was closed by the network."
          : "No heartbeat since 14:02; the last session ended with a connection reset.",
    lastSeenAt: ago(online ? index % 14 : presence === "PRESENCE_STALE" ? 58 : 1_900 + index * 31),
    enrolledAt: ago(4_000_000),
    awaitingApproval: index === 9,
    facts: {
      hostname: `${site}-${role}-${index + 1}`,
      os: "Debian GNU/Linux",
      osVersion: "12",
      kernel: "6.1.0-28",
      arch: index % 3 === 0 ? "arm64" : "x64",
      cpuCount: 4,
      cpuModel: "Intel N100",
      memoryBytes: "8222982144",
      diskBytes: "128035676160",
      engineName: "Docker",
      engineVersion: "28.5.1",
      engineApiVersion: "1.51",
      addresses: ["10.20.4.17", "fd00:20::17"],
      bootedAt: ago(1_300_000),
      clockSkewSeconds: 0.04,
      hostShellAllowed: index % 2 === 0,
    },
    capabilities: ["docker"],
    agentVersion: "0.1.0",
    certificateExpiresAt: ago(-1_700_000),
    desiredGeneration: "1.42",
    observedGeneration: online ? "1.42" : "1.41",
    containersRunning: 3 + (index % 5),
    containersTotal: 4 + (index % 5),
    cpuPercent: (index * 37) % 97,
    memoryPercent: 24 + ((index * 13) % 71),
    etag: "1",
    stacksTotal: 1 + (index % 3),
  };
}

export function countHosts(hosts: Host[]): HostCounts {
  const of = (presence: Host["presence"]): number => hosts.filter((host) => host.presence === presence).length;
  return {
    online: of("PRESENCE_ONLINE"),
    stale: of("PRESENCE_STALE"),
    offline: of("PRESENCE_OFFLINE"),
    neverSeen: of("PRESENCE_NEVER_SEEN"),
    quarantined: 0,
    revoked: 0,
  };
}

export const SERVICES: Record<string, string[]> = {
  shop: ["web", "api", "db", "cache"],
  telemetry: ["collector", "buffer"],
  "label-printer": ["printer"],
  "quality-camera": ["capture", "model", "ui"],
  "edge-proxy": ["proxy"],
};

export function serviceStatuses(stack: string, bad: boolean): ServiceStatus[] {
  return (SERVICES[stack] ?? ["web"]).map((service, index) => ({
    service,
    state: bad && index === 1 ? "SERVICE_STATE_CRASH_LOOPING" : "SERVICE_STATE_RUNNING",
    cause:
      bad && index === 1
        ? "Exited with code 1 six times in 2 min; last line: “dial tcp 10.0.3.4:5432: connection refused”."
        : index === 0
          ? "Running and healthy: the last 40 checks passed."
          : "Running without a restart.",
    since: ago(bad && index === 1 ? 130 : 86_000),
    containersRunning: bad && index === 1 ? 0 : 1,
    containersWanted: 1,
    pullPercent: -1,
    containerIds: [`c${stack}${service}`.padEnd(24, "0")],
  }));
}

function makeStack(name: string, index: number, hosts: Host[]): Stack {
  const on = hosts.slice(0, index === 0 ? 6 : 3);
  const bad = index === 1;
  return {
    id: `stk_${index}`,
    name,
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
        services: serviceStatuses(name, bad && at === 1),
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

function makeEvents(hosts: Host[], stacks: Stack[]): Event[] {
  const host = (index: number): Host => hosts[index % hosts.length]!;
  const lines: [string, string, string, number][] = [
    ["rollout.started", "Rollout of shop, revision 7, began on 6 hosts.", "info", 0],
    ["container.die", "shop-api-1 exited with code 1 on lyon-gateway-02.", "error", 1],
    ["host.offline", "brest-camera-05 is offline: no heartbeat for 90 s.", "warning", 4],
    ["container.healthy", "shop-web-1 became healthy on paris-edge-01.", "info", 0],
    ["host.online", "nantes-press-04 opened a session from 10.20.4.17.", "info", 3],
    ["revision.created", "Revision 7 of shop was stored: raise the memory limit of web.", "info", 0],
    ["host.enrolled", "metz-edge-06 enrolled with token “plant north”.", "info", 5],
  ];
  return Array.from({ length: 40 }, (_, index) => {
    const [type, message, severity, at] = lines[index % lines.length]!;
    return {
      id: `evt_${index}`,
      at: ago(40 + index * index * 220),
      type,
      message,
      severity,
      hostId: host(at).id,
      stackId: type.startsWith("host") ? "" : stacks[0]!.id,
      actor: index % 3 === 0 ? "camille@northwind.example" : "system",
    };
  });
}

export function makeRollouts(stacks: Stack[], hosts: Host[]): Rollout[] {
  return Array.from({ length: 9 }, (_, index) => {
    const stack = stacks[index % stacks.length]!;
    const state =
      index === 0 ? "STATE_RUNNING" : index === 1 ? "STATE_FAILED" : index === 2 ? "STATE_WAITING" : "STATE_SUCCEEDED";
    return {
      id: `rol_${index}`,
      stackId: stack.id,
      stackName: stack.name,
      revision: 7 - (index % 5),
      kind: "KIND_DEPLOY",
      state,
      cause: index === 1 ? "lyon-gateway-02 did not pass its health gate: buffer exited with code 1 six times." : "",
      createdAt: ago(24 + index * 40_000),
      startedAt: ago(22 + index * 40_000),
      ...(index === 0 ? {} : { endedAt: ago(index * 40_000 - 44) }),
      createdBy: "camille@northwind.example",
      hostsTotal: 6,
      hostsSucceeded: index === 0 ? 2 : index === 1 ? 1 : 5,
      hostsFailed: index === 1 ? 1 : 0,
      hostsNotReached: index === 1 ? 0 : 1,
      hosts: hosts.slice(0, 6).map((host, at) => ({
        hostId: host.id,
        hostName: host.name,
        previousRevision: 6,
        startedAt: ago(20),
        state:
          at === 4
            ? "STATE_NOT_REACHED"
            : index === 0
              ? (
                  [
                    "STATE_APPLYING",
                    "STATE_CHECKING_HEALTH",
                    "STATE_SUCCEEDED",
                    "STATE_SUCCEEDED",
                    "STATE_NOT_REACHED",
                    "STATE_PENDING",
                  ] as const
                )[at]!
              : index === 1 && at === 1
                ? "STATE_FAILED"
                : "STATE_SUCCEEDED",
        cause:
          at === 4
            ? "Not reached since 14:02; it is brought along when it returns."
            : index === 1 && at === 1
              ? "buffer exited with code 1 six times in 60 s. Last line: “dial tcp 10.0.3.4:5432: connection refused”."
              : "",
        currentStep:
          index === 0 && at === 0
            ? "pull-image registry.northwind.example/shop/api:4.1.1: image is not on the host"
            : "",
        services: serviceStatuses(stack.name!, index === 1 && at === 1)
          .map((service) =>
            at === 4
              ? {
                  ...service,
                  state: "SERVICE_STATE_UNKNOWN" as const,
                  cause: "Last observed running at 14:02.",
                  containersRunning: 0,
                }
              : service,
          )
          .map((service, place): ServiceStatus =>
            index === 0 && at === 0 && place === 1
              ? {
                  ...service,
                  state: "SERVICE_STATE_PULLING",
                  cause: "3 of 7 layers, 41.2 of 96.8 MB.",
                  pullPercent: 43,
                  containersRunning: 0,
                  since: ago(9),
                }
              : index === 0 && at === 0 && place === 2
                ? {
                    ...service,
                    state: "SERVICE_STATE_PENDING",
                    cause: "Waits for api to be healthy.",
                    containersRunning: 0,
                    since: ago(9),
                  }
                : service,
          ),
      })),
    };
  });
}

function makeTokens(): ApiToken[] {
  return [
    {
      id: "tok_1",
      name: "ci-pipeline",
      prefix: "wfa_7Hq2",
      permissions: PERMISSIONS.slice(4, 12),
      createdAt: ago(900_000),
      expiresAt: ago(-6_000_000),
      lastUsedAt: ago(340),
      createdBy: "camille@northwind.example",
    },
    {
      id: "tok_2",
      name: "grafana",
      prefix: "wfa_Lw0x",
      permissions: ["metrics.read"],
      createdAt: ago(2_900_000),
      expiresAt: ago(-20_000_000),
      createdBy: "camille@northwind.example",
    },
    {
      id: "tok_3",
      name: "old-laptop",
      prefix: "wfa_9cTe",
      permissions: PERMISSIONS,
      createdAt: ago(9_900_000),
      expiresAt: ago(-1_000_000),
      revokedAt: ago(80_000),
      lastUsedAt: ago(90_000),
      createdBy: "noor@northwind.example",
    },
  ];
}
