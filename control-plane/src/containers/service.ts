import { recordEvent } from "../events/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { readStackNames } from "../stacks/index.ts";
import type { AuditTrail, ContainerGateway } from "./ports.ts";
import {
  listContainers,
  readContainer,
  readObservedHosts,
  type ContainerQuery,
  type ObservedContainerRow,
} from "./store-observed.ts";

/** A container with the host that reported it. */
export interface KnownContainer extends ObservedContainerRow {
  readonly hostName: string;
  /** Of the stack that it is part of; empty when it is nobody's, or the stack is gone. */
  readonly stackName: string;
  readonly observedAt: Date | undefined;
  readonly clockSkewMs: number;
}

export interface ContainersService {
  list(caller: Caller, query: ContainerQuery): Promise<{ containers: KnownContainer[]; total: number }>;
  get(caller: Caller, hostId: string, containerId: string): Promise<KnownContainer>;
  /** Asks the host and waits until it is done there. */
  act(
    caller: Caller,
    action: "start" | "stop" | "restart",
    target: { readonly hostId: string; readonly containerId: string },
    signal: AbortSignal,
  ): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly gateway: ContainerGateway;
}

const done = { start: "started", stop: "stopped", restart: "restarted" } as const;

export function createContainersService(parts: Parts): ContainersService {
  const { database, clock, newId, audit, gateway } = parts;

  async function known(tx: UnitOfWork, rows: readonly ObservedContainerRow[]): Promise<KnownContainer[]> {
    const hostIds = [...new Set(rows.map((row) => row.hostId))];
    const hosts = new Map<string, HostSummary>();
    for (const host of await listHostSummaries(tx, { hostIds })) hosts.set(host.hostId, host);
    const observed = await readObservedHosts(tx, hostIds);
    const stackIds = new Set(rows.map(({ report }) => report.stackId).filter((id) => id !== ""));
    const stackNames = await readStackNames(tx, [...stackIds]);
    return rows.map((row) => ({
      ...row,
      stackName: stackNames.get(row.report.stackId) ?? "",
      hostName: hosts.get(row.hostId)?.name ?? "",
      observedAt: observed.get(row.hostId)?.observedAt,
      clockSkewMs: observed.get(row.hostId)?.clockSkewMs ?? 0,
    }));
  }

  async function get(caller: Caller, hostId: string, containerId: string): Promise<KnownContainer> {
    const found = await database.inOrganization(
      caller,
      async (tx) => {
        const row = await readContainer(tx, hostId, containerId);
        return row === undefined ? [] : known(tx, [row]);
      },
      { readOnly: true },
    );
    if (found[0] !== undefined) return found[0];
    const detail = `no host ${hostId} has reported a container ${containerId}`;
    throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
  }

  return {
    get,
    list: (caller, query) =>
      database.inOrganization(
        caller,
        async (tx) => {
          const { rows, total } = await listContainers(tx, query);
          return { containers: await known(tx, rows), total };
        },
        { readOnly: true },
      ),
    act: async (caller, action, { hostId, containerId }, signal) => {
      const { report, hostName } = await get(caller, hostId, containerId);
      // Recorded before the host is asked: who leaves, or a link that breaks, takes nothing back of what was begun.
      await database.inOrganization(caller, (tx) => {
        const detail = { hostId, hostName, containerName: report.name };
        const act = { action: `containers.${action}`, targetKind: "container", targetId: containerId, detail };
        return audit.record(tx, caller, act);
      });
      await gateway.act(hostId, action, containerId, signal);
      await database.inOrganization(caller, (tx) =>
        recordEvent(tx, {
          id: newId("evt"),
          organizationId: caller.organizationId,
          at: clock.now(),
          type: `container.${action}`,
          message: `${report.name} on ${hostName} was ${done[action]}.`,
          severity: "info",
          actor: caller.name,
          hostId,
          containerId,
          ...(report.stackId === "" ? {} : { stackId: report.stackId }),
        }),
      );
    },
  };
}
