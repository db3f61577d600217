import { recordEvent } from "../events/index.ts";
import {
  commonErrors,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { announceHost, hostApproved, hostChanged, hostRevoked } from "./changes.ts";
import { hostsErrors, type HostsCode } from "./errors.ts";
import { cleanText, type Labels } from "./model.ts";
import type { AuditTrail, HostHistory } from "./ports.ts";
import { MAX_LABELS } from "./requested-labels.ts";
import { requireLabels } from "./service.ts";
import { lockHosts, type LockedHost } from "./store.ts";
import { deleteHostRow, saveApproval } from "./store-changes.ts";

/** Why one of many was left as it is. */
export interface HostProblem {
  hostId: string;
  /** Empty for a host that is not there. */
  hostName: string;
  code: string;
  problem: string;
}
export interface ApprovalRequest {
  hostIds: readonly string[];
  /** Given to each besides its own; they stand over what a machine asked for. */
  labels: Labels;
  acceptRequestedLabels: boolean;
}

/** The queue of hosts that enrolled with a token for many: let in or sent away, many at once. */
export interface Admission {
  approve(caller: Caller, request: ApprovalRequest): Promise<{ approved: number; problems: HostProblem[] }>;
  /** Their identities end and are forgotten. */
  reject(
    caller: Caller,
    request: { hostIds: readonly string[]; reason: string },
  ): Promise<{ rejected: number; problems: HostProblem[] }>;
}

interface Parts {
  database: Database;
  clock: Clock;
  newId: NewId;
  audit: AuditTrail;
  history: HostHistory | undefined;
}

// The audit chain of an organization is held until the end of a transaction: others wait a tenth of a second, not five.
const HOSTS_A_TRANSACTION = 50;

type Problem = Omit<HostProblem, "hostId" | "hostName">;
/** One host's part of the work; answers why it was left. */
type Work = (tx: UnitOfWork, host: LockedHost, now: Date) => Promise<Problem | undefined>;

export function createAdmission({ database, clock, newId, audit, history }: Parts): Admission {
  /** Each host on its own, in a few transactions; what went before a failure of the database stays, and may be asked for again. */
  async function each(
    caller: Caller,
    wanted: readonly string[],
    work: Work,
  ): Promise<{ done: number; problems: HostProblem[] }> {
    const hostIds = [...new Set(wanted)].toSorted();
    const problems: HostProblem[] = [];
    for (let start = 0; start < hostIds.length; start += HOSTS_A_TRANSACTION) {
      const some = hostIds.slice(start, start + HOSTS_A_TRANSACTION);
      const found = await database.inOrganization(caller, async (tx) => {
        const hosts = await lockHosts(tx, caller.organizationId, some);
        const now = clock.now();
        const left: HostProblem[] = [];
        for (const hostId of some) {
          const host = hosts.get(hostId);
          const problem = host === undefined ? notThere(hostId) : await work(tx, host, now);
          if (problem !== undefined) left.push({ hostId, hostName: host?.name ?? "", ...problem });
        }
        return left;
      });
      problems.push(...found);
    }
    return { done: hostIds.length - problems.length, problems };
  }

  async function tell(
    tx: UnitOfWork,
    caller: Caller,
    what: { host: LockedHost; now: Date; act: "approve" | "reject"; message: string; detail: Record<string, unknown> },
  ): Promise<void> {
    const { host, now, act, message, detail } = what;
    const reference = { organizationId: caller.organizationId, hostId: host.id };
    const event = { id: newId("evt"), organizationId: caller.organizationId, at: now, actor: caller.name };
    // An event of a host that is forgotten would be forgotten with it.
    const of = act === "approve" ? { hostId: host.id } : {};
    await recordEvent(tx, { ...event, ...of, type: `host.${act}`, message, severity: "info" });
    await audit.record(tx, caller, {
      action: `hosts.${act}`,
      targetKind: "host",
      targetId: host.id,
      detail: { name: host.name, ...detail },
    });
    tx.emit(hostChanged, reference);
    announceHost(tx, reference, act === "approve" ? "updated" : "deleted", now);
  }

  return {
    approve: async (caller, request) => {
      requireLabels(request.labels);
      const { done, problems } = await each(caller, request.hostIds, async (tx, host, now) => {
        const accepted = request.acceptRequestedLabels ? host.requested_labels : {};
        const isRequest = Object.keys(accepted).length > 0;
        // What a machine that is in asked for may still be granted; anything else of it is changed on its page.
        if (!isLeft(host) && !(isRequest && isIn(host))) return notWaiting(host);
        const labels = { ...host.labels, ...accepted, ...request.labels };
        const count = Object.keys(labels).length;
        if (count > MAX_LABELS)
          return problem("WF_LABEL_INVALID", `It would have ${count} labels; ${MAX_LABELS} is the most.`);
        const reference = { organizationId: caller.organizationId, hostId: host.id };
        await saveApproval(tx, reference, labels);
        if (host.awaiting_approval) tx.emit(hostApproved, reference);
        const declined = request.acceptRequestedLabels ? {} : host.requested_labels;
        const detail = { labels, labelsBefore: host.labels, declinedLabels: declined };
        const message = host.awaiting_approval
          ? `${caller.name} let host ${host.name} in.`
          : `${caller.name} gave host ${host.name} the labels that it asked for.`;
        await tell(tx, caller, { host, now, act: "approve", message, detail });
        return undefined;
      });
      return { approved: done, problems };
    },
    reject: async (caller, request) => {
      const why = cleanText(request.reason).trim();
      const { done, problems } = await each(caller, request.hostIds, async (tx, host, now) => {
        if (!isLeft(host)) return notWaiting(host);
        const reference = { organizationId: caller.organizationId, hostId: host.id };
        await history?.forget(tx, host.id);
        await deleteHostRow(tx, reference);
        tx.emit(hostRevoked, reference);
        const message = `${caller.name} sent host ${host.name} away${why === "" ? "" : `: ${why}`}.`;
        await tell(tx, caller, { host, now, act: "reject", message, detail: { reason: why } });
        return undefined;
      });
      return { rejected: done, problems };
    },
  };
}

/** Still to be decided. */
function isLeft(host: LockedHost): boolean {
  return host.awaiting_approval && isIn(host);
}
function isIn(host: LockedHost): boolean {
  return host.revoked_at === null && host.quarantined_at === null;
}

function problem(code: HostsCode, text: string): Problem {
  return { code, problem: text };
}
function notThere(hostId: string): Problem {
  return { code: commonErrors.WF_NOT_FOUND.code, problem: `There is no host ${hostId} in this organization.` };
}
function notWaiting(host: LockedHost): Problem {
  if (host.revoked_at !== null) return problem("WF_HOST_REVOKED", "It was revoked.");
  if (host.quarantined_at !== null)
    return problem("WF_HOST_NOT_WAITING", "Two machines use its key: say on its page which of them it is.");
  return problem("WF_HOST_NOT_WAITING", hostsErrors.WF_HOST_NOT_WAITING.title);
}
