import type {
  MaintenanceWindow as MaintenanceWindowMessage,
  MaintenanceWindowsServiceService,
  WindowRule as WindowRuleMessage,
} from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import { expressionMessage, expressionOf } from "../placement/index.ts";
import type { Caller, Clock, Database, UnitOfWork } from "../platform/index.ts";
import type { MaintenanceWindow, WindowRule } from "./model.ts";
import { isAbout, windowStates } from "./plan.ts";
import { etagOf, type WindowsService } from "./service.ts";
import { readWindows } from "./store.ts";

export function windowsHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly service: WindowsService;
}): Handlers<typeof MaintenanceWindowsServiceService> {
  const { database, clock, service } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });
  const answer = (caller: Caller, window: MaintenanceWindow): Promise<MaintenanceWindowMessage> =>
    read(caller, async (tx) => windowMessage(window, await listHostSummaries(tx), clock.now()));

  return {
    listMaintenanceWindows: async (request, { caller }) => {
      const query = { list: "maintenanceWindows" };
      const page = readPage(request.page, query);
      const after = page.after === undefined ? "" : String(page.after[0]);
      return read(caller, async (tx) => {
        const rest = (await readWindows(tx)).filter(({ rule }) => after === "" || rule.name > after);
        const { rows, nextPageToken } = pageOf(rest.slice(0, page.size + 1), page, query, ({ rule }) => [rule.name]);
        const hosts = rows.length === 0 ? [] : await listHostSummaries(tx);
        return { windows: rows.map((window) => windowMessage(window, hosts, clock.now())), nextPageToken };
      });
    },
    createMaintenanceWindow: async ({ rule }, { caller }) => answer(caller, await service.create(caller, ruleOf(rule))),
    updateMaintenanceWindow: async ({ windowId, rule, etag }, { caller }) =>
      answer(caller, await service.update(caller, { windowId, etag, rule: ruleOf(rule) })),
    deleteMaintenanceWindow: async ({ windowId }, { caller }) => {
      await service.delete(caller, windowId);
      return {};
    },
  };
}

function windowMessage(window: MaintenanceWindow, hosts: readonly HostSummary[], now: Date): MaintenanceWindowMessage {
  const { id, rule } = window;
  // Of the window by itself, whichever hosts it is about; one that is disabled is never open.
  const alone = rule.disabled
    ? { open: false }
    : windowStates([{ ...rule, expressions: [] }], [{ hostId: "", labels: {} }], now.getTime()).get("");
  const { open, opensAt, closesAt } = { opensAt: undefined, closesAt: undefined, open: false, ...alone };
  const nextChange = open ? closesAt : opensAt;
  return {
    id,
    rule: { ...rule, expressions: rule.expressions.map(expressionMessage), weekdays: [...rule.weekdays] },
    etag: etagOf(window),
    open,
    nextChangeAt: nextChange === undefined ? undefined : new Date(nextChange),
    hosts: hosts.filter((host) => !host.revoked && isAbout(rule, host)).length,
  };
}

function ruleOf(message: WindowRuleMessage | undefined): WindowRule {
  if (message === undefined) throw new Error("a window passed validation without its rule");
  const { name, expressions, timeZone, weekdays, opensAt, durationMinutes, disabled } = message;
  return { name, expressions: expressions.map(expressionOf), timeZone, weekdays, opensAt, durationMinutes, disabled };
}
