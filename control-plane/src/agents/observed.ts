import { ObservedState } from "@windflow/proto/agent";
import { announceHost, saveObservedFigures } from "../hosts/index.ts";
import { ProblemError, type Clock, type Database } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import type { HostReference, ObservedHandler } from "./ports.ts";
import { controlPlaneTimes } from "./skew.ts";
import { readObservedDigest, saveObserved } from "./store.ts";
import { generationFromWire, generationText } from "./wire.ts";

/**
 * Stores what a host sees, and what the domains make of it, in one transaction. Throws WF_SESSION_SUPERSEDED when a
 * session newer than `epoch` was opened: what it said must stand.
 */
export async function takeObserved(
  parts: { database: Database; clock: Clock; handlers: readonly ObservedHandler[] },
  host: HostReference & { epoch: bigint; clockSkewMs: number },
  state: ObservedState,
): Promise<void> {
  const { organizationId, hostId, clockSkewMs } = host;
  await parts.database.inOrganization(host, async (tx) => {
    const now = parts.clock.now();
    const [looked = now.getTime()] = controlPlaneTimes([state.at?.getTime()], clockSkewMs, now.getTime());
    const at = new Date(looked);
    const changed = (await readObservedDigest(tx, host)) !== state.digest;
    const bytes = ObservedState.encode(state).finish();
    await saveObserved(tx, host, { at, receivedAt: now, digest: state.digest, state: bytes });
    // After the row above is ours: from here on a newer session's report waits for this one.
    const current = await saveObservedFigures(tx, host, {
      generation: generationText(generationFromWire(state.generation)),
      containersRunning: state.containers.filter((container) => container.state === "running").length,
      containersTotal: state.containers.length,
    });
    if (!current) throw new ProblemError({ code: agentsErrors.WF_SESSION_SUPERSEDED });
    for (const handle of parts.handlers) {
      await handle(tx, { organizationId, hostId, at, receivedAt: now, clockSkewMs, state, changed });
    }
    if (changed) announceHost(tx, host, "updated", now);
  });
}
