import { readAgentHosts, type AgentHost, type HostPresence } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { windowsOf } from "../windows/index.ts";
import type { UpdateHost, UpdateHostView } from "./model.ts";
import { isAssessed } from "./plan-host.ts";

/**
 * What is known of the hosts about which anything is still to be decided.
 * @param listeningSince since when this process listens to hosts, milliseconds since 1970: before that it could hear nobody
 */
export async function lookAtHosts(
  tx: UnitOfWork,
  organizationId: string,
  hosts: readonly UpdateHost[],
  at: { readonly now: Date; readonly listeningSince: number },
): Promise<Map<string, UpdateHostView>> {
  const asked = hosts.filter(isAssessed);
  const hostIds = asked.map((host) => host.hostId);
  if (hostIds.length === 0) return new Map();
  const found = new Map((await readAgentHosts(tx, { organizationId, hostIds })).map((host) => [host.hostId, host]));
  const unbegun = asked.filter((host) => !host.begun).map((host) => host.hostId);
  const windows = await windowsOf(tx, unbegun, at.now);
  return new Map(
    hostIds.map((hostId) => {
      const host = found.get(hostId);
      if (host === undefined) return [hostId, gone];
      const window = windows.get(hostId);
      const view = viewOf(host, at.listeningSince);
      if (window === undefined) return [hostId, view];
      const { open, opensAt } = window;
      return [hostId, { ...view, window: { open, ...(opensAt === undefined ? {} : { opensAt }) } }];
    }),
  );
}

const gone: UpdateHostView = { reach: "gone", reachCause: "the host was removed", runs: { version: "" } };

export function viewOf(host: AgentHost, listeningSince: number): UpdateHostView {
  const { presence, presenceCause, presenceSince, agentVersion: version, build } = host;
  return {
    reach: reachOf[presence],
    reachCause: presenceCause,
    ...(presence === "online" ? { reachedSince: Math.max(presenceSince.getTime(), listeningSince) } : {}),
    runs: { version, ...(build === undefined ? {} : { build }) },
  };
}

const reachOf: Readonly<Record<HostPresence, UpdateHostView["reach"]>> = {
  online: "reached",
  stale: "uncertain",
  "never-seen": "not-reached",
  offline: "not-reached",
  quarantined: "not-reached",
  revoked: "gone",
};
