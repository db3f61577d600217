import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { driftErrors } from "./errors.ts";
import type { Drift } from "./model.ts";
import type { AuditTrail, DriftCorrector } from "./ports.ts";
import { countOpen, listDrifts, readDrift, updateDrift, type DriftQuery } from "./store.ts";
import { announceDrift, namesOf, recordDrift } from "./tell.ts";

export interface DriftService {
  list(caller: Caller, query: DriftQuery): Promise<{ drifts: Drift[]; open: number }>;
  /** Whatever the stack's policy; a host that is away does it when it is back. */
  correct(caller: Caller, driftId: string): Promise<Drift>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly corrector: DriftCorrector;
}

export function createDriftService(parts: Parts): DriftService {
  const { database, clock, newId, audit, corrector } = parts;
  return {
    list: (caller, query) =>
      database.inOrganization(
        caller,
        async (tx) => ({ drifts: await listDrifts(tx, query), open: await countOpen(tx) }),
        { readOnly: true },
      ),
    correct: (caller, driftId) =>
      database.inOrganization(caller, async (tx) => {
        const drift = await requireOpen(tx, driftId);
        const { organizationId, hostId, stackId } = drift;
        const asked = newId("cor");
        if (!(await corrector.askCorrection(tx, { organizationId, hostId, stackId, correct: asked })))
          throw new ProblemError({ code: driftErrors.WF_DRIFT_ENDED, detail: "the stack is taken off the host" });
        const change = { state: "correcting" as const, asked, askedBy: caller.name, problem: "" };
        await updateDrift(tx, driftId, change);
        const at = clock.now();
        announceDrift(tx, drift, "updated", at);
        const sentence = `${caller.name} asked to put right what differs of {stack} on {host}.`;
        const told = { drift, type: "drift.correcting", sentence, severity: "info" as const, actor: caller.name, at };
        await recordDrift(tx, newId, told);
        const detail = { hostId, stackId, ...(await namesOf(tx, drift)), steps: drift.steps };
        await audit.record(tx, caller, { action: "drift.correct", targetKind: "drift", targetId: driftId, detail });
        return { ...drift, ...change };
      }),
  };
}

/** The drift, held, as long as somebody may still decide about it. */
export async function requireOpen(tx: UnitOfWork, driftId: string): Promise<Drift> {
  const drift = await readDrift(tx, driftId, "lock");
  if (drift === undefined)
    throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no drift ${driftId}` });
  if (drift.state === "open") return drift;
  throw new ProblemError({ code: driftErrors.WF_DRIFT_ENDED, detail: `it is ${drift.state}` });
}
