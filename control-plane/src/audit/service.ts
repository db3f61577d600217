import { sha256, type Caller, type Clock, type Database, type NewId, type UnitOfWork } from "../platform/index.ts";
import { auditText, type AuditEntry } from "./model.ts";
import { append, entriesAfter, headOf, lockHead } from "./store.ts";

/** What was done; who, when and from where come from the caller. */
export interface AuditedAct {
  /** `hosts.revoke` */
  action: string;
  targetKind: string;
  targetId: string;
  /** Never a secret: names, numbers, the lines of a plan. */
  detail?: Record<string, unknown>;
}

export interface Audit {
  /**
   * Writes the act into the organization's chain, in the caller's transaction: what is not recorded did not happen.
   * Call it last: until the commit, no other act of the organization is recorded.
   */
  record(tx: UnitOfWork, caller: Caller, act: AuditedAct): Promise<void>;
  /** Walks the chain; names the first entry that was altered, or says that the end is missing. */
  verify(organizationId: string): Promise<{ entries: bigint; broken: string | undefined }>;
}

const VERIFY_BATCH = 500;

export function createAudit(parts: { database: Database; clock: Clock; newId: NewId }): Audit {
  return {
    record: async (tx, caller, act) => {
      const head = await lockHead(tx, caller.organizationId);
      const entry: AuditEntry = {
        organizationId: caller.organizationId,
        sequence: head.sequence + 1n,
        id: parts.newId("aud"),
        at: parts.clock.now(),
        callerKind: caller.kind,
        callerId: caller.id,
        callerName: caller.name,
        remoteAddress: caller.remoteAddress,
        requestId: caller.requestId,
        action: act.action,
        targetKind: act.targetKind,
        targetId: act.targetId,
        detail: act.detail ?? {},
      };
      await append(tx, entry, head.digest, sha256(auditText(entry, head.digest.toString("hex"))));
    },
    verify: (organizationId) => parts.database.inOrganization(organizationId, walk, { readOnly: true }),
  };
}

async function walk(tx: UnitOfWork): Promise<{ entries: bigint; broken: string | undefined }> {
  const head = await headOf(tx);
  let sequence = 0n;
  let previous = "00".repeat(32);
  for (;;) {
    const batch = await entriesAfter(tx, sequence, VERIFY_BATCH);
    for (const entry of batch) {
      const expected = sequence + 1n;
      if (entry.sequence !== expected) return { entries: sequence, broken: `entry ${expected} is missing` };
      const digest = sha256(auditText(entry, previous));
      if (entry.previous.toString("hex") !== previous || !digest.equals(entry.digest)) {
        return { entries: sequence, broken: `entry ${expected} (${entry.id}, ${entry.action}) was altered` };
      }
      sequence = expected;
      previous = digest.toString("hex");
    }
    if (batch.length < VERIFY_BATCH) break;
  }
  const complete =
    head === undefined ? sequence === 0n : head.sequence === sequence && head.digest.toString("hex") === previous;
  return {
    entries: sequence,
    broken: complete ? undefined : `the chain ends at ${sequence}, its head says ${head?.sequence ?? 0n}`,
  };
}
