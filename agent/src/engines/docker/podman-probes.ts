import type { ContainerHealth } from "@windflow/core";
import { pause, systemClock } from "../../platform/clock.ts";
import type { EngineEvent } from "../../reconcile/engine.ts";
import type { Podman } from "./podman.ts";

// The shortest interval that people set; a look is one local call.
const LOOK_MS = 1_000;
// Docker's default, and Podman's.
const DEFAULT_INTERVAL_MS = 30_000;
// A probe is a process in a container: more at once would be load of its own.
const PROBES_AT_ONCE = 4;

export interface ProbesOptions {
  readonly podman: Podman;
  /** Milliseconds between two probes of the container; undefined leaves it to the default. */
  readonly intervalOf: (containerId: string) => Promise<number | undefined>;
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
}

interface Probed {
  readonly intervalMs: number;
  dueAt: number;
  health: ContainerHealth;
}

/**
 * Runs the healthchecks of containers on a host without systemd, whose timers Podman leaves them to, and tells of changes as an engine
 * would. Resolves when the signal aborts.
 */
export async function runProbes({ podman, intervalOf, onEvent, signal }: ProbesOptions): Promise<void> {
  const known = new Map<string, Probed>();

  const learn = async (id: string, health: ContainerHealth): Promise<void> => {
    const probed = known.get(id);
    if (probed === undefined) {
      const intervalMs = (await intervalOf(id)) ?? DEFAULT_INTERVAL_MS;
      known.set(id, { intervalMs, dueAt: Date.now() + intervalMs, health });
    } else if (probed.health !== health) {
      probed.health = health;
      onEvent({ at: Date.now(), type: "container", action: `health_status: ${health}`, id, name: "", attributes: {} });
    }
  };
  const look = async (): Promise<void> => {
    const running = await podman.health();
    for (const id of known.keys()) if (!running.has(id)) known.delete(id);
    for (const [id, health] of running) await learn(id, health);
  };
  const probeDue = async (): Promise<boolean> => {
    const due = [...known].filter(([, { dueAt }]) => dueAt <= Date.now());
    const queue = due.values();
    const worker = async (): Promise<void> => {
      for (const [id, probed] of queue) {
        // One that was removed meanwhile is dropped by the next look.
        await podman.probe(id).catch(() => undefined);
        probed.dueAt = Date.now() + probed.intervalMs;
      }
    };
    await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
    return due.length > 0;
  };

  while (!signal.aborted) {
    try {
      await look();
      if (await probeDue()) await look();
    } catch {
      // An engine that is away ends the subscription, and with it the signal.
    }
    await pause(systemClock, LOOK_MS, signal);
  }
}
