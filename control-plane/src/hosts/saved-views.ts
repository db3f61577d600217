import {
  commonErrors,
  isUniqueViolation,
  mayDo,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { hostsErrors } from "./errors.ts";
import type { AuditTrail } from "./ports.ts";
import {
  countViews,
  deleteView,
  listViews,
  readView,
  readViewByName,
  writeView,
  type SavedView,
} from "./store-views.ts";

/** What a caller wants to keep; with the id of an own view it becomes that one. */
export interface WantedView extends Pick<SavedView, "list" | "name" | "filter" | "orderBy" | "groupBy" | "shared"> {
  /** Empty: the caller's view of that list and name, or a new one. */
  readonly id: string;
}

/** Filters, orders and groupings that people keep under a name. */
export interface SavedViewsService {
  /** The caller's own and those that are shared, by name. @param list empty: of all lists */
  list(caller: Caller, list: string): Promise<SavedView[]>;
  save(caller: Caller, wanted: WantedView): Promise<SavedView>;
  /** An own one; a shared one of somebody else with hosts.write. */
  delete(caller: Caller, viewId: string): Promise<void>;
}

// More than anybody finds again in a menu.
const MAX_VIEWS_OF_ONE = 200;

export function createSavedViewsService(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
}): SavedViewsService {
  const { database, clock, newId, audit } = parts;

  async function known(tx: UnitOfWork, caller: Caller, wanted: WantedView): Promise<SavedView | undefined> {
    if (wanted.id === "") return readViewByName(tx, { ownerId: ownerOf(caller), list: wanted.list, name: wanted.name });
    const view = await readView(tx, wanted.id);
    if (view === undefined || view.ownerId !== ownerOf(caller)) throw notFound(wanted.id);
    return view;
  }

  return {
    list: (caller, list) =>
      database.inOrganization(caller, (tx) => listViews(tx, { ownerId: ownerOf(caller), list }), { readOnly: true }),
    save: (caller, wanted) =>
      nameTaken(
        database.inOrganization(caller, async (tx) => {
          const before = await known(tx, caller, wanted);
          if (before === undefined && (await countViews(tx, ownerOf(caller))) >= MAX_VIEWS_OF_ONE)
            throw new ProblemError({ code: hostsErrors.WF_SAVED_VIEWS_FULL });
          const { list, name, filter, orderBy, groupBy, shared } = wanted;
          const view: SavedView = {
            list,
            name,
            filter,
            orderBy,
            groupBy,
            shared,
            id: before?.id ?? newId("viw"),
            organizationId: caller.organizationId,
            ownerId: ownerOf(caller),
            createdBy: before?.createdBy ?? caller.name,
            savedAt: clock.now(),
          };
          await writeView(tx, view);
          const detail = { list, name, filter, orderBy, groupBy, shared, before: before?.name ?? "" };
          await audit.record(tx, caller, {
            action: "savedViews.save",
            targetKind: "savedView",
            targetId: view.id,
            detail,
          });
          return view;
        }),
      ),
    delete: (caller, viewId) =>
      database.inOrganization(caller, async (tx) => {
        const view = await readView(tx, viewId);
        const own = view?.ownerId === ownerOf(caller);
        // One that is not shared is nobody else's business: it is not there for them.
        if (view === undefined || (!own && !view.shared)) throw notFound(viewId);
        if (!own && !mayDo(caller, "hosts.write")) {
          const detail = `the view is ${view.createdBy}'s; this needs the permission hosts.write`;
          throw new ProblemError({ code: commonErrors.WF_PERMISSION_DENIED, detail });
        }
        await deleteView(tx, viewId);
        const detail = { list: view.list, name: view.name, createdBy: view.createdBy };
        await audit.record(tx, caller, {
          action: "savedViews.delete",
          targetKind: "savedView",
          targetId: viewId,
          detail,
        });
      }),
  };
}

/** Views belong to who is signed in; a token's are its own. */
export function ownerOf(caller: Caller): string {
  return `${caller.kind}:${caller.id}`;
}

function notFound(viewId: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `There is no view ${viewId} of yours.` });
}

async function nameTaken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    if (!isUniqueViolation(cause, "saved_views_name")) throw cause;
    const detail = "Another view of yours has this name.";
    throw new ProblemError({
      code: commonErrors.WF_ALREADY_EXISTS,
      detail,
      violations: [{ path: "view.name", message: detail }],
      cause,
    });
  }
}
