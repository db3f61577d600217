import type { EnrollmentTokensServiceService, HostsServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import type { Clock } from "../platform/index.ts";
import type { Clones } from "./clones.ts";
import { parseHostOrder } from "./filter.ts";
import type { Admission } from "./admission.ts";
import { fleetHandlers, notUnderstood, requireFilter } from "./fleet-handlers.ts";
import { enrollCommand, installCommand, installCommandWget, type InstallTarget } from "./install-line.ts";
import type { HostFigures } from "./ports.ts";
import type { SavedViewsService } from "./saved-views.ts";
import type { HostsService, HostView } from "./service.ts";
import type { EnrollmentTokensService } from "./tokens-service.ts";
import { countsToWire, hostToWire, tokenToWire } from "./wire.ts";

export function hostsHandlers(parts: {
  service: HostsService;
  views: SavedViewsService;
  admission: Admission;
  clones: Clones;
  clock: Clock;
  figures: HostFigures;
  /** When a frame last came from the host, from memory. */
  lastSeenAt: (hostId: string) => Date | undefined;
}): Handlers<typeof HostsServiceService> {
  const { service, views, admission, clones, clock, figures, lastSeenAt } = parts;
  const wire = (view: HostView) => {
    const { id } = view.row;
    return hostToWire(view, { figures: figures.figuresOf(id), lastSeenAt: lastSeenAt(id), now: clock.now() });
  };
  return {
    listHosts: async (request, { caller }) => {
      const filter = requireFilter(request.filter);
      const order = parseHostOrder(request.orderBy);
      if (order === undefined) throw notUnderstood("orderBy", request.orderBy);
      const query = { list: "hosts", filter: request.filter, order: request.orderBy };
      const page = readPage(request.page, query);
      const [value, id] = page.after ?? [];
      const after = value === undefined || value === null || typeof id !== "string" ? undefined : { value, id };
      const answer = await service.list(caller, { filter, order, after, limit: page.size + 1 });
      const { rows, nextPageToken } = pageOf(answer.hosts, page, query, (host) => [host.sortValue, host.row.id]);
      return { hosts: rows.map(wire), nextPageToken, total: answer.total, counts: countsToWire(answer.counts) };
    },
    ...fleetHandlers({ service, views }),
    getHost: async (request, { caller }) => wire(await service.get(caller, request.hostId)),
    updateHost: async (request, { caller }) => {
      const { name, labels, etag } = request;
      return wire(await service.update(caller, request.hostId, { name, labels, etag }));
    },
    approveHost: async (request, { caller }) => wire(await service.approve(caller, request.hostId)),
    approveHosts: (request, { caller }) => admission.approve(caller, request),
    rejectHosts: (request, { caller }) => admission.reject(caller, request),
    listHostMachines: async ({ hostId }, { caller }) => {
      await service.get(caller, hostId);
      const machines = await clones.machines(caller, hostId);
      return { machines: machines.map((machine) => ({ ...machine, addresses: [...machine.addresses] })) };
    },
    resolveClones: async ({ hostId, bootId }, { caller }) => {
      await clones.resolve(caller, hostId, bootId);
      return wire(await service.get(caller, hostId));
    },
    cordonHost: async ({ hostId, drain, reason }, { caller }) =>
      wire(await service.schedule(caller, hostId, { scheduling: drain ? "draining" : "cordoned", reason })),
    uncordonHost: async ({ hostId }, { caller }) =>
      wire(await service.schedule(caller, hostId, { scheduling: "open", reason: "" })),
    revokeHost: async (request, { caller }) => wire(await service.revoke(caller, request.hostId, request.reason)),
    deleteHost: async (request, { caller }) => {
      await service.delete(caller, request.hostId);
      return {};
    },
  };
}

export function enrollmentTokensHandlers(parts: {
  service: EnrollmentTokensService;
  /** Asked at each call: the port is known late, and roots change. */
  installTarget: () => InstallTarget;
  /** Hex sha256 of the script as it is served; undefined when there is none. */
  scriptSha256: () => Promise<string | undefined>;
}): Handlers<typeof EnrollmentTokensServiceService> {
  const { service, installTarget, scriptSha256 } = parts;
  return {
    createEnrollmentToken: async (request, { caller }) => {
      const { token, secret } = await service.create(caller, request);
      const target = installTarget();
      const script = await scriptSha256();
      return {
        token: tokenToWire(token),
        secret,
        installCommand: installCommand(target, secret),
        enrollCommand: enrollCommand(target, secret),
        installCommandWget: script === undefined ? "" : installCommandWget(target, secret, script),
      };
    },
    listEnrollmentTokens: async (request, { caller }) => {
      const query = { list: "enrollment-tokens" };
      const page = readPage(request.page, query);
      const after = page.after?.[0];
      const found = await service.list(caller, {
        after: typeof after === "string" ? after : undefined,
        limit: page.size + 1,
      });
      const { rows, nextPageToken } = pageOf(found, page, query, (row) => [row.id]);
      return { tokens: rows.map(tokenToWire), nextPageToken };
    },
    revokeEnrollmentToken: async (request, { caller }) => tokenToWire(await service.revoke(caller, request.tokenId)),
  };
}
