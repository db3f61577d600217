import type { ApiToken, Event, Host, Rollout, ServiceStatus, Stack } from "@windflow/proto/client";
import { ago, PERMISSIONS, serviceStatuses } from "./fixture-hosts.ts";

export function makeEvents(hosts: Host[], stacks: Stack[]): Event[] {
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
      hostName: host(at).name,
      stackName: type.startsWith("host") ? "" : stacks[0]!.name,
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
              : index === 1 && (at === 1 || at === 2)
                ? "STATE_FAILED"
                : "STATE_SUCCEEDED",
        cause:
          at === 4
            ? "Not reached since 14:02; it is brought along when it returns."
            : index === 1 && at === 1
              ? "buffer exited with code 1 six times in 60 s; the previous container runs again. Last line: “dial tcp 10.0.3.4:5432: connection refused”."
              : index === 1 && at === 2
                ? "registry.northwind.example refused the pull of telemetry/collector:4.0.2: unauthorized: authentication required. Nothing was stopped."
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

export function makeTokens(): ApiToken[] {
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
