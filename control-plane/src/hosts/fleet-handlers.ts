import type { HostsServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import { ProblemError } from "../platform/index.ts";
import { hostsErrors } from "./errors.ts";
import { parseHostFilter, type HostFilter } from "./filter.ts";
import { TIMELINE_KINDS } from "./ports.ts";
import { ownerOf, type SavedViewsService } from "./saved-views.ts";
import type { HostsService } from "./service.ts";
import { entryToWire, groupToWire, mapToWire, viewToWire } from "./wire.ts";

type FleetMethods =
  | "summarizeHosts"
  | "mapHosts"
  | "listHostTimeline"
  | "listSavedViews"
  | "saveView"
  | "deleteSavedView";

/** What a view of the whole fleet, and of what happened on a host, asks for. */
export function fleetHandlers(parts: {
  readonly service: HostsService;
  readonly views: SavedViewsService;
}): Pick<Handlers<typeof HostsServiceService>, FleetMethods> {
  const { service, views } = parts;
  return {
    summarizeHosts: async (request, { caller }) => {
      const filter = requireFilter(request.filter);
      const { groups, total, groupsLeftOut, labels } = await service.summarize(caller, {
        filter,
        groupBy: request.groupBy,
      });
      return { groups: groups.map(groupToWire), total: groupToWire(total), groupsLeftOut, labels: [...labels] };
    },
    mapHosts: async (request, { caller }) =>
      mapToWire(await service.map(caller, { filter: requireFilter(request.filter), groupBy: request.groupBy })),
    listHostTimeline: async (request, { caller }) => {
      const { hostId } = request;
      const kinds = request.kinds.map((word, i) => {
        const kind = TIMELINE_KINDS.find((one) => one === word);
        if (kind === undefined) throw notUnderstood(`kinds[${i}]`, word);
        return kind;
      });
      const query = { list: "timeline", hostId, kinds: kinds.toSorted().join(" ") };
      const page = readPage(request.page, query);
      const [at, id] = page.after ?? [];
      const before = typeof at === "string" && typeof id === "string" ? { before: { at: new Date(at), id } } : {};
      const found = await service.timeline(caller, { hostId, kinds, limit: page.size + 1, ...before });
      const { rows, nextPageToken } = pageOf(found, page, query, (entry) => [entry.at.toISOString(), entry.id]);
      return { entries: rows.map(entryToWire), nextPageToken };
    },
    listSavedViews: async ({ list }, { caller }) => {
      const found = await views.list(caller, list);
      return { views: found.map((view) => viewToWire(view, view.ownerId === ownerOf(caller))) };
    },
    saveView: async ({ view }, { caller }) => {
      if (view === undefined) throw new Error("a request passed validation without its view");
      if (view.list === "hosts") requireFilter(view.filter, "view.filter");
      return viewToWire(await views.save(caller, view), true);
    },
    deleteSavedView: async ({ viewId }, { caller }) => {
      await views.delete(caller, viewId);
      return {};
    },
  };
}

/** Throws WF_HOST_FILTER_INVALID with its place. */
export function requireFilter(text: string, path = "filter"): HostFilter {
  const filter = parseHostFilter(text);
  if (filter === undefined) throw notUnderstood(path, text);
  return filter;
}

export function notUnderstood(path: string, text: string): ProblemError {
  return new ProblemError({
    code: hostsErrors.WF_HOST_FILTER_INVALID,
    violations: [{ path, message: `not understood: ${text}` }],
  });
}
