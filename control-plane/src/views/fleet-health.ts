import { HEALTHS, hostHealth, type Health } from "@windflow/core";
import { sql } from "kysely";
import type { FleetHealth } from "../metrics/index.ts";
import type { Clock, UnitOfWork } from "../platform/index.ts";
import { listPlaceableStacks, type StackStanding } from "../stacks/index.ts";

/** Hosts and stacks as they stand, as pages and the API tell it. */
export function createFleetHealth(parts: { readonly clock: Clock; readonly standing: StackStanding }): FleetHealth {
  const { clock, standing } = parts;
  return {
    of: async (tx, { organizationId, hosts, mostStacks }) => {
      const now = clock.now().getTime();
      const reported = await readReported(tx, organizationId);
      const stacks = await listPlaceableStacks(tx);
      const shown = stacks.slice(0, mostStacks);
      const statuses = await standing.statusOf(
        tx,
        shown.map(({ id }) => id),
        "counts",
      );
      return {
        healths: HEALTHS,
        hosts: hosts.map(({ hostId, presence }) => {
          const row = reported.get(hostId);
          const { health } = hostHealth({
            presence,
            now,
            ...(row === undefined ? {} : { reported: { health: row.health, summary: "" } }),
          });
          return { hostId, health, stacksDrifted: row?.stacks_drifted ?? 0, stacksHeld: row?.stacks_held ?? 0 };
        }),
        stacks: shown.map(({ id, name }) => {
          const status = statuses.get(id);
          const counts = {
            ok: status?.hostsOk ?? 0,
            failed: status?.hostsFailed ?? 0,
            "in-progress": status?.hostsInProgress ?? 0,
            unknown: status?.hostsUnknown ?? 0,
            "not-reached": status?.hostsNotReached ?? 0,
          };
          return { stackId: id, name, hosts: counts };
        }),
        isCut: stacks.length > shown.length,
      };
    },
  };
}

interface ReportedRow {
  readonly host_id: string;
  readonly health: Health;
  readonly stacks_drifted: number;
  readonly stacks_held: number;
}

async function readReported(tx: UnitOfWork, organizationId: string): Promise<Map<string, ReportedRow>> {
  const answer = await sql<ReportedRow>`SELECT host_id, health, stacks_drifted, stacks_held FROM host_health
    WHERE organization_id = ${organizationId}`.execute(tx.queries);
  return new Map(answer.rows.map((row) => [row.host_id, row]));
}
