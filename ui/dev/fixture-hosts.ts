import type { Host, HostCounts, ServiceStatus } from "@windflow/proto/client";

const SITES = ["paris", "lyon", "lille", "nantes", "brest", "metz"];
const ROLES = ["edge", "gateway", "store", "press", "camera"];
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
export const PERMISSIONS = [
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
  "links.read",
  "links.write",
  "logs.read",
  "metrics.read",
  "registries.read",
  "registries.write",
  "rollouts.approve",
  "rollouts.read",
  "rollouts.write",
  "stacks.deploy.privileged",
  "stacks.read",
  "stacks.write",
  "updates.read",
  "updates.write",
  "windows.read",
  "windows.write",
];

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
  const failed = index % 29 === 1;
  const moving = index % 41 === 7;
  const drifted = online && index % 23 === 5 ? 1 : 0;
  const health = !online
    ? "HEALTH_UNKNOWN"
    : failed
      ? "HEALTH_FAILED"
      : moving
        ? "HEALTH_IN_PROGRESS"
        : index % 31 === 8
          ? "HEALTH_EMPTY"
          : "HEALTH_OK";
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
      engineName: index === 3 ? "Podman Engine" : "Docker Engine",
      engineVersion: index === 3 ? "5.4.2" : "28.5.1",
      engineApiVersion: index === 3 ? "1.41" : "1.51",
      addresses: ["10.20.4.17", "fd00:20::17"],
      bootedAt: ago(1_300_000),
      clockSkewSeconds: index === 2 ? 7.4 : 0.04,
      hostShellAllowed: index % 2 === 0,
    },
    capabilities: [index === 3 ? "podman" : "docker", "systemd"],
    agentVersion: index % 10 === 0 ? "0.3.0" : "0.2.0",
    ...(index === 2
      ? { agentUpdateVersion: "0.3.0", agentUpdateCause: "downloading: 14.2 of 28.1 MiB" }
      : index === 5
        ? { agentUpdateCause: "0.3.0 opened no session within 2 min, so 0.2.0 runs again" }
        : {}),
    ...(index % 3 === 1
      ? {}
      : {
          linkProfileId: `lnk_${index % 3 === 0 ? 0 : 1}`,
          linkProfileName: index % 3 === 0 ? "Cabinets on 4G" : "Plants",
          metered: index % 3 === 0,
        }),
    certificateExpiresAt: ago(-1_700_000),
    desiredGeneration: "1.42",
    observedGeneration: online ? "1.42" : "1.41",
    containersRunning: 3 + (index % 5),
    containersTotal: 4 + (index % 5),
    cpuPercent: (index * 37) % 97,
    memoryPercent: 24 + ((index * 13) % 71),
    etag: "1",
    stacksTotal: 1 + (index % 3),
    scheduling: index === 12 ? "SCHEDULING_DRAINING" : index === 8 ? "SCHEDULING_CORDONED" : "SCHEDULING_OPEN",
    health,
    healthSummary: !online
      ? "last known: 4 ok"
      : failed
        ? "3 ok, 1 crash-looping: shop/api exited with code 1 six times in 2 min"
        : moving
          ? "2 ok, 1 starting: shop/web waits for its health check"
          : `${2 + (index % 4)} ok`,
    stacksDrifted: drifted,
    stacksHeld: index === 5 ? 1 : 0,
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
