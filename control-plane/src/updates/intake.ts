import { AgentUpdateStatus_State, type AgentUpdateStatus } from "@windflow/proto/agent";
import { createGathering, type Clock, type Database, type EventBus, type UnitOfWork } from "../platform/index.ts";
import { agentHeard, updateTouched } from "./events.ts";
import { updateOfAttempt, type AgentReport, type ReportState } from "./model.ts";
import { reportAfter, type Said } from "./plan-report.ts";
import { lockReported, writeReports } from "./store-hosts.ts";

/** What an agent says of its update. `hello`: it was said, or left out, when a session began. */
export interface HeardOfAgent {
  readonly organizationId: string;
  readonly hostId: string;
  readonly status: AgentUpdateStatus | undefined;
  readonly hello?: { readonly updateId: string; readonly version: string };
}

// A wave of hundreds reports its bytes every few seconds.
const HOSTS_AT_ONCE = 250;
const MAX_CAUSE_CHARACTERS = 1_000;
const MAX_CODE_CHARACTERS = 100;

const reportStates: Partial<Record<AgentUpdateStatus_State, ReportState>> = {
  [AgentUpdateStatus_State.STATE_DOWNLOADING]: "downloading",
  [AgentUpdateStatus_State.STATE_STAGED]: "staged",
  [AgentUpdateStatus_State.STATE_PROVING]: "proving",
  [AgentUpdateStatus_State.STATE_SUCCEEDED]: "succeeded",
  [AgentUpdateStatus_State.STATE_REVERTED]: "reverted",
  [AgentUpdateStatus_State.STATE_REFUSED]: "refused",
};

interface Heard {
  readonly organizationId: string;
  readonly hostId: string;
  readonly updateId: string;
  readonly said: Said;
}

/** Stores what agents say of their updates; resolves after the commit. */
export function createIntake(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: EventBus;
}): (heard: HeardOfAgent) => Promise<void> {
  const { database, clock, bus } = parts;
  const store = createGathering<Heard, void>({
    lineOf: ({ organizationId }) => organizationId,
    keyOf: ({ hostId }) => hostId,
    limit: HOSTS_AT_ONCE,
    work: async (organizationId, heard) => {
      const moved = await database.inOrganization(organizationId, (tx) => storeAll(tx, heard, clock.now().getTime()));
      // Bytes are of interest to who looks at them here, and to nobody else.
      for (const updateId of moved) bus.deliver({ name: updateTouched.name, payload: { organizationId, updateId } });
      return heard.map(() => undefined);
    },
  });
  return async ({ organizationId, hostId, status, hello }) => {
    const said = { ...saidOf(status), ...(hello === undefined ? {} : { runs: hello.version }) };
    const attempt = said.status?.attempt ?? hello?.updateId;
    if (attempt === undefined) return;
    // A session that says something of another attempt says as well that it knows nothing of the one that is about it.
    const updateId = updateOfAttempt(hello?.updateId ?? attempt);
    await store({ organizationId, hostId, updateId, said });
  };
}

async function storeAll(tx: UnitOfWork, heard: readonly Heard[], now: number): Promise<ReadonlySet<string>> {
  const byHost = new Map(heard.map((one) => [one.hostId, one]));
  const rows = await lockReported(tx, heard);
  const reports: { updateId: string; hostId: string; report: AgentReport }[] = [];
  for (const row of rows) {
    const one = byHost.get(row.hostId);
    const report = one && reportAfter(row.updateId, row, one.said, now);
    if (one === undefined || report === undefined) continue;
    reports.push({ updateId: row.updateId, hostId: row.hostId, report });
    const isStep = report.state !== row.report?.state || report.attempt !== row.report.attempt;
    if (isStep) tx.emit(agentHeard, { organizationId: one.organizationId, hostId: row.hostId });
  }
  await writeReports(tx, reports);
  return new Set(reports.map((report) => report.updateId));
}

function saidOf(status: AgentUpdateStatus | undefined): Pick<Said, "status"> {
  const state = status && reportStates[status.state];
  if (status === undefined || state === undefined) return {};
  return {
    status: {
      attempt: status.updateId,
      state,
      cause: shown(status.cause).slice(0, MAX_CAUSE_CHARACTERS),
      code: shown(status.code).slice(0, MAX_CODE_CHARACTERS),
      bytesDone: Number(status.bytesDone),
      bytesTotal: Number(status.bytesTotal),
    },
  };
}

// oxlint-disable-next-line no-control-regex
const shown = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f]/g, " ");
