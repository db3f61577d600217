import { ObservedState } from "@windflow/proto/agent";
import { announceHost, saveObservedFigures } from "../hosts/index.ts";
import type { Clock, Database } from "../platform/index.ts";
import type { HostReference, ObservedHandler } from "./ports.ts";
import { readObservedDigest, saveObserved } from "./store.ts";
import { generationFromWire, generationText } from "./wire.ts";

/** Stores what a host sees, and what the domains make of it, in one transaction. */
export async function takeObserved(
  parts: { database: Database; clock: Clock; handlers: readonly ObservedHandler[] },
  host: HostReference,
  state: ObservedState,
): Promise<void> {
  await parts.database.inOrganization(host, async (tx) => {
    const now = parts.clock.now();
    const at = state.at === undefined || state.at > now ? now : state.at;
    const changed = (await readObservedDigest(tx, host)) !== state.digest;
    const bytes = ObservedState.encode(state).finish();
    await saveObserved(tx, host, { at, receivedAt: now, digest: state.digest, state: bytes });
    await saveObservedFigures(tx, host, {
      generation: generationText(generationFromWire(state.generation)),
      containersRunning: state.containers.filter((container) => container.state === "running").length,
      containersTotal: state.containers.length,
    });
    for (const handle of parts.handlers) await handle(tx, { ...host, at, state, changed });
    if (changed) announceHost(tx, host, "updated", now);
  });
}
