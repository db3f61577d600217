import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostScheduling, Labels } from "./model.ts";
import { forgetMachines } from "./store-machines.ts";
import { hostsTables } from "./tables.ts";

interface HostKey {
  organizationId: string;
  hostId: string;
}

function hostUpdate(tx: UnitOfWork, host: HostKey) {
  return hostsTables(tx)
    .updateTable("hosts")
    .where("organization_id", "=", host.organizationId)
    .where("id", "=", host.hostId);
}

/** Name and labels; raises the version that the etag shows. */
export async function saveDescription(
  tx: UnitOfWork,
  host: HostKey,
  description: { name: string; labels: Labels; requestedLabels: Labels },
): Promise<void> {
  await hostUpdate(tx, host)
    .set({
      name: description.name,
      labels: JSON.stringify(description.labels),
      requested_labels: JSON.stringify(description.requestedLabels),
      version: sql`version + 1`,
    })
    .execute();
}

/** Whatever the machine asked for and did not get now is declined. */
export async function saveApproval(tx: UnitOfWork, host: HostKey, labels: Labels): Promise<void> {
  await hostUpdate(tx, host)
    .set({
      awaiting_approval: false,
      labels: JSON.stringify(labels),
      requested_labels: "{}",
      version: sql`version + 1`,
    })
    .execute();
}

export async function saveScheduling(tx: UnitOfWork, host: HostKey, scheduling: HostScheduling): Promise<void> {
  await hostUpdate(tx, host)
    .set({ scheduling, version: sql`version + 1` })
    .execute();
}

/** Ends a quarantine: the machine with that start is the host. */
export async function saveResolution(
  tx: UnitOfWork,
  host: HostKey,
  resolution: { at: Date; bootId: string; cause: string },
): Promise<void> {
  await hostUpdate(tx, host)
    .set({
      quarantined_at: null,
      quarantine_reason: null,
      boot_id: resolution.bootId,
      previous_boot_id: "",
      presence: "offline",
      presence_since: resolution.at,
      presence_cause: resolution.cause,
      version: sql`version + 1`,
    })
    .execute();
}

/** Ends a quarantine: the machine that connects first is the host, and the boots before are forgotten. */
export async function saveRelease(tx: UnitOfWork, host: HostKey, release: { at: Date; cause: string }): Promise<void> {
  await hostUpdate(tx, host)
    .set({
      quarantined_at: null,
      quarantine_reason: null,
      boot_id: "",
      previous_boot_id: "",
      awaiting_approval: false,
      presence: "offline",
      presence_since: release.at,
      presence_cause: release.cause,
      version: sql`version + 1`,
    })
    .execute();
}

export async function saveRevocation(
  tx: UnitOfWork,
  host: HostKey,
  revocation: { at: Date; reason: string; cause: string },
): Promise<void> {
  await hostUpdate(tx, host)
    .set({
      revoked_at: revocation.at,
      revocation_reason: revocation.reason,
      awaiting_approval: false,
      version: sql`version + 1`,
      presence: "revoked",
      presence_since: revocation.at,
      presence_cause: revocation.cause,
    })
    .execute();
  await hostsTables(tx)
    .updateTable("host_keys")
    .set({ revoked_at: revocation.at })
    .where("organization_id", "=", host.organizationId)
    .where("host_id", "=", host.hostId)
    .where("revoked_at", "is", null)
    .execute();
}

export async function deleteHostRow(tx: UnitOfWork, host: HostKey): Promise<void> {
  await forgetMachines(tx, host.hostId);
  await hostsTables(tx)
    .deleteFrom("hosts")
    .where("organization_id", "=", host.organizationId)
    .where("id", "=", host.hostId)
    .execute();
}
