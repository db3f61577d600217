import { durationMs, hasHealthcheck } from "./service-shape.ts";
import type { Slot, SurveyedService } from "./survey.ts";
import { isRunning } from "./world-index.ts";

// Measured on small machines: an engine starts a container in about 0.3 s.
const START_SECONDS = 0.5;
// What docker grants a container that says nothing.
const DEFAULT_GRACE_SECONDS = 10;
// How often an engine probes, unless told otherwise.
const DEFAULT_INTERVAL_MS = 30_000;
const MS_PER_SECOND = 1_000;

/**
 * Seconds that a service is away when its container is stopped before the next one starts: the whole grace period, as nobody knows
 * whether a program heeds its signal, the start, and the first probe of a healthcheck. Images are there before anything is stopped.
 */
export function awaySeconds({ service }: SurveyedService, slot: Slot): number {
  const graceMs = durationMs(service.stop_grace_period) ?? DEFAULT_GRACE_SECONDS * MS_PER_SECOND;
  const stops = slot.outdated.some(({ container }) => isRunning(container));
  const { interval, start_interval: startInterval } = service.healthcheck ?? {};
  const intervalMs = durationMs(interval) ?? DEFAULT_INTERVAL_MS;
  const probeMs = hasHealthcheck(service) ? Math.min(durationMs(startInterval) ?? intervalMs, intervalMs) : 0;
  return (stops ? graceMs / MS_PER_SECOND : 0) + START_SECONDS + probeMs / MS_PER_SECOND;
}
