import { isTimeZone } from "@windflow/core";
import { announce } from "../events/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { windowsErrors } from "./errors.ts";
import { windowsChanged } from "./events.ts";
import { labelViolations } from "./label-violations.ts";
import type { MaintenanceWindow, WindowRule } from "./model.ts";
import { deleteWindow, insertWindow, readWindow, readWindows, updateWindow } from "./store.ts";

export interface WindowsService {
  create(caller: Caller, rule: WindowRule): Promise<MaintenanceWindow>;
  /** An empty etag overwrites whatever is there. */
  update(caller: Caller, change: { windowId: string; rule: WindowRule; etag: string }): Promise<MaintenanceWindow>;
  delete(caller: Caller, windowId: string): Promise<void>;
}

/** Every step of every rollout looks at all of them; rules by label need few. */
export const MOST_WINDOWS = 200;

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: {
    record(
      tx: UnitOfWork,
      caller: Caller,
      act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
    ): Promise<void>;
  };
}

export function createWindowsService({ database, clock, newId, audit }: Parts): WindowsService {
  async function told(
    tx: UnitOfWork,
    caller: Caller,
    { organizationId, id, rule }: MaintenanceWindow,
    act: { action: string; change: "created" | "updated" | "deleted"; before?: WindowRule },
  ): Promise<void> {
    announce(tx, { organizationId, kind: "window", id, change: act.change, at: clock.now() });
    tx.emit(windowsChanged, { organizationId });
    const detail = { rule, ...(act.before === undefined ? {} : { before: act.before }) };
    await audit.record(tx, caller, { action: `windows.${act.action}`, targetKind: "window", targetId: id, detail });
  }

  return {
    create: (caller, rule) =>
      uniquely(rule, () =>
        database.inOrganization(caller, async (tx) => {
          const { organizationId } = caller;
          const window = { id: newId("mwn"), organizationId, rule: checked(rule), version: 1 };
          if ((await readWindows(tx)).length >= MOST_WINDOWS) {
            const detail = `there are ${MOST_WINDOWS} already`;
            throw new ProblemError({ code: windowsErrors.WF_WINDOW_LIMIT, detail });
          }
          await insertWindow(tx, window, { by: caller.name, at: clock.now() });
          await told(tx, caller, window, { action: "create", change: "created" });
          return window;
        }),
      ),
    update: (caller, { windowId, rule, etag }) =>
      uniquely(rule, () =>
        database.inOrganization(caller, async (tx) => {
          const before = await requireWindow(tx, windowId);
          if (etag !== "" && etag !== etagOf(before)) throw new ProblemError({ code: commonErrors.WF_ETAG_MISMATCH });
          await updateWindow(tx, windowId, { rule: checked(rule), at: clock.now() });
          const after = await requireWindow(tx, windowId);
          await told(tx, caller, after, { action: "update", change: "updated", before: before.rule });
          return after;
        }),
      ),
    delete: (caller, windowId) =>
      database.inOrganization(caller, async (tx) => {
        const window = await requireWindow(tx, windowId);
        await deleteWindow(tx, windowId);
        await told(tx, caller, window, { action: "delete", change: "deleted" });
      }),
  };
}

export function etagOf(window: MaintenanceWindow): string {
  return String(window.version);
}

/** Of two that take a name at once, the second hears so. */
async function uniquely<Result>({ name }: WindowRule, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error, "maintenance_windows_name")) throw error;
    const detail = `There is a maintenance window ${name} already.`;
    throw new ProblemError({ code: commonErrors.WF_ALREADY_EXISTS, detail, cause: error });
  }
}

async function requireWindow(tx: UnitOfWork, windowId: string): Promise<MaintenanceWindow> {
  const window = await readWindow(tx, windowId, "lock");
  if (window !== undefined) return window;
  const detail = `There is no maintenance window ${windowId} in this organization.`;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}

function checked(rule: WindowRule): WindowRule {
  const violations = labelViolations(rule.expressions, "a window");
  if (!isTimeZone(rule.timeZone))
    violations.push({
      path: "rule.timeZone",
      message: 'is no time zone: write a name such as "Europe/Paris" or "UTC"',
    });
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  return { ...rule, weekdays: [...new Set(rule.weekdays)].toSorted((a, b) => a - b) };
}
