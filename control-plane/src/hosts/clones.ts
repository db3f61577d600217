import type { Selectable } from "kysely";
import { recordEvent } from "../events/index.ts";
import {
  commonErrors,
  ProblemError,
  randomToken,
  sha256,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { announceHost, hostChanged } from "./changes.ts";
import { hostsErrors } from "./errors.ts";
import type { AuditTrail } from "./ports.ts";
import { lockHost } from "./store.ts";
import { saveResolution } from "./store-changes.ts";
import { decideMachines, readMachines, saveCloneToken, type Machine } from "./store-machines.ts";
import { forgetUnusedCloneTokens, insertToken, readToken, revokeToken } from "./store-tokens.ts";
import type { HostsTable } from "./tables.ts";
import { shownPrefix, TOKEN_BYTES, tokenSecret } from "./token.ts";

/** Machines that share an identity, and what a person says of them. */
export interface Clones {
  machines(caller: Caller, hostId: string): Promise<Machine[]>;
  /** Ends a quarantine: the machine is the host; the others get identities of their own when they next call. */
  resolve(caller: Caller, hostId: string, bootId: string): Promise<void>;
}

export function createClones(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
}): Clones {
  const { database, clock, newId, audit } = parts;
  return {
    machines: (caller, hostId) =>
      database.inOrganization(caller, (tx) => readMachines(tx, caller.organizationId, hostId), { readOnly: true }),
    resolve: (caller, hostId, bootId) =>
      database.inOrganization(caller, async (tx) => {
        const { organizationId } = caller;
        const host = await lockHost(tx, organizationId, hostId);
        if (host === undefined) throw notFound(`There is no host ${hostId} in this organization.`);
        if (host.quarantined_at === null) throw new ProblemError({ code: hostsErrors.WF_HOST_NOT_QUARANTINED });
        const reference = { organizationId, hostId };
        if (!(await decideMachines(tx, reference, bootId)))
          throw notFound(`No machine with the boot id ${bootId} was seen with the key of ${host.name}.`);
        const now = clock.now();
        const cause = `${caller.name} said which machine it is; its agent has not come back yet.`;
        await saveResolution(tx, reference, { at: now, bootId, cause });
        const machines = await readMachines(tx, organizationId, hostId);
        const clones = machines.filter((machine) => machine.decided === "clone");
        await recordEvent(tx, {
          id: newId("evt"),
          organizationId,
          at: now,
          actor: caller.name,
          hostId,
          type: "host.clones-resolved",
          severity: "info",
          message: `${caller.name} said which machine host ${host.name} is; ${clones.length} other${clones.length === 1 ? "" : "s"} will enrol anew.`,
        });
        tx.emit(hostChanged, reference);
        announceHost(tx, reference, "updated", now);
        const detail = { name: host.name, bootId, clones: clones.map((machine) => machine.bootId) };
        await audit.record(tx, caller, { action: "hosts.resolveClones", targetKind: "host", targetId: hostId, detail });
      }),
  };
}

// The clone uses it at once; one that is lost with the link is made anew at the next call.
const CLONE_TOKEN_LIFE_MS = 3_600_000;

/**
 * A token for one machine that has to become a host of its own: one use, an hour, with the environment and the labels of the host that
 * it was taken for, and waiting for approval as that host's own was. The one before it is revoked, unused ones before that are forgotten.
 */
export async function makeCloneToken(
  tx: UnitOfWork,
  host: Selectable<HostsTable>,
  machine: { readonly bootId: string; readonly newId: NewId; readonly now: Date },
): Promise<string> {
  const { bootId, newId, now } = machine;
  const organizationId = host.organization_id;
  const own = await readToken(tx, organizationId, host.enrollment_token_id);
  const secret = tokenSecret(randomToken(TOKEN_BYTES));
  const id = newId("ent");
  await insertToken(tx, {
    id,
    organizationId,
    environmentId: host.environment_id,
    name: `Clone of ${host.name}`,
    shownPrefix: shownPrefix(secret),
    secretSha256: sha256(secret),
    labels: host.labels,
    hostLabelKeys: [],
    maxUses: 1,
    // A token that is not there any more says nothing of how strict it was.
    needsApproval: own?.needs_approval ?? true,
    createdAt: now,
    createdBy: "system",
    expiresAt: new Date(now.getTime() + CLONE_TOKEN_LIFE_MS),
    cloneOf: { hostId: host.id, bootId },
  });
  const before = await saveCloneToken(tx, { hostId: host.id, bootId }, id);
  if (before !== undefined) await revokeToken(tx, organizationId, before, now);
  const keep = before === undefined ? [id] : [id, before];
  await forgetUnusedCloneTokens(tx, { organizationId, hostId: host.id, bootId }, keep);
  return secret;
}

function notFound(detail: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}
