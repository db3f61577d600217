import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the control plane counts of itself, for /metrics. */
export interface Figures {
  readonly registry: Registry;
  /** A call was answered: `outcome` is "ok" or the code of its problem. */
  called(method: string, outcome: string, seconds: number): void;
  /** A stream was opened (+1) or ended (-1). */
  streams(method: string, change: 1 | -1): void;
}

// From a look-up in memory to the longest call that is allowed.
const BUCKETS_S = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

export function createFigures(): Figures {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    name: "windflow_api_calls_total",
    help: "Calls answered, by method and outcome.",
    labelNames: ["method", "outcome"],
    registers,
  });
  const durations = new Histogram({
    name: "windflow_api_call_seconds",
    help: "Time from a call's arrival to its answer; for streams, to their opening.",
    labelNames: ["method"],
    buckets: BUCKETS_S,
    registers,
  });
  const open = new Gauge({
    name: "windflow_api_open_streams",
    help: "Streams that are open now, by method.",
    labelNames: ["method"],
    registers,
  });
  return {
    registry,
    called: (method, outcome, seconds) => {
      calls.inc({ method, outcome });
      durations.observe({ method }, seconds);
    },
    streams: (method, change) => open.inc({ method }, change),
  };
}
