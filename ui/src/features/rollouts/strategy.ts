import type { MetricCondition, Probe, RolloutStrategy, Wave } from "@windflow/proto/client";

export type WaveKind = "hosts" | "percent" | "list" | "labels";
export type Preset = "all" | "canary" | "steps";
/** What a strategy cannot be sent with; `wave` is 1-based, 0 for the whole. */
export interface StrategyFault {
  wave: number;
  fault: "noHosts" | "noLabels" | "count" | "percent" | "probeService" | "probePort" | "probeCommand" | "condition";
}
const MINUTE_S = 60;
/** Long enough that a start that goes wrong shows; the usual health check asks each 5 to 30 s. */
const QUIET_S = 30;
/** What the control plane takes where a strategy has no health gate; a gate that is there says its own quiet time. */
export const DEFAULT_QUIET_S = 2;
export const DEFAULT_DEADLINE_S = 300;
export const DEFAULT_RESTARTS = 3;
export const MAX_WAVES = 50;
export const MAX_CHECKS = 20;

export function waveKind(wave: Wave): WaveKind {
  if (wave.list !== undefined) return "list";
  if (wave.labels !== undefined) return "labels";
  return wave.hosts === undefined ? "percent" : "hosts";
}
/** The same wave, counted in another way. */
export function withKind(wave: Wave, kind: WaveKind): Wave {
  const { hosts: _hosts, percent: _percent, list: _list, labels: _labels, ...rest } = wave;
  if (kind === "hosts") return { ...rest, hosts: 1 };
  if (kind === "percent") return { ...rest, percent: 100 };
  return kind === "list" ? { ...rest, list: { hostIds: [] } } : { ...rest, labels: { matchLabels: {} } };
}

/** All at once; one host, then the rest; or 5 %, a quarter, the rest. Names are stored, in the words of who made it. */
export function presetStrategy(preset: Preset, names: { canary: string; rest: string }): RolloutStrategy {
  if (preset === "all") return { waves: [], onFailure: "ON_FAILURE_STOP" };
  const gate = { stableSeconds: QUIET_S };
  const rest: Wave = { name: names.rest, percent: 100 };
  const waves: Wave[] =
    preset === "canary"
      ? [{ name: names.canary, hosts: 1, pauseSeconds: 5 * MINUTE_S }, rest]
      : [
          { name: "5 %", percent: 5, pauseSeconds: 10 * MINUTE_S },
          { name: "25 %", percent: 25, pauseSeconds: 10 * MINUTE_S },
          rest,
        ];
  return { waves, healthGate: gate, onFailure: "ON_FAILURE_ROLL_BACK" };
}

export function strategyFaults(strategy: RolloutStrategy): StrategyFault[] {
  const waves = (strategy.waves ?? []).flatMap((wave, index) => {
    const fault = waveFault(wave);
    return fault === undefined ? [] : [{ wave: index + 1, fault }];
  });
  const gate = strategy.healthGate ?? {};
  const checks = [...(gate.probes ?? []).map(probeFault), ...(gate.metricConditions ?? []).map(conditionFault)];
  return [...waves, ...checks.flatMap((fault) => (fault === undefined ? [] : [{ wave: 0, fault }]))];
}
const between = (value: number | undefined, low: number, high: number): boolean =>
  value !== undefined && Number.isInteger(value) && value >= low && value <= high;

function waveFault(wave: Wave): StrategyFault["fault"] | undefined {
  const kind = waveKind(wave);
  if (kind === "list") return (wave.list?.hostIds ?? []).length === 0 ? "noHosts" : undefined;
  if (kind === "labels") return Object.keys(wave.labels?.matchLabels ?? {}).length === 0 ? "noLabels" : undefined;
  if (kind === "hosts") return between(wave.hosts, 1, 10_000) ? undefined : "count";
  return between(wave.percent, 1, 100) ? undefined : "percent";
}
export function probeFault(probe: Probe): StrategyFault["fault"] | undefined {
  if ((probe.service ?? "") === "") return "probeService";
  if (probe.exec !== undefined)
    return (probe.exec.command ?? []).some((word) => word !== "") ? undefined : "probeCommand";
  return between(probe.http?.port ?? probe.tcp?.port, 1, 65_535) ? undefined : "probePort";
}
export const conditionFault = (condition: MetricCondition): StrategyFault["fault"] | undefined =>
  (condition.column ?? "") === "" || !Number.isFinite(condition.value) ? "condition" : undefined;

/** Whether two strategies say the same; what is left out is 0 or none. */
export function sameStrategy(a: RolloutStrategy | undefined, b: RolloutStrategy | undefined): boolean {
  return JSON.stringify(bare(a ?? {})) === JSON.stringify(bare(b ?? {}));
}
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, bare(inner)] as const)
    .filter(([, inner]) => !isNothing(inner));
  return Object.fromEntries(kept.toSorted(([x], [y]) => (x < y ? -1 : 1)));
}
function isNothing(value: unknown): boolean {
  if (value === undefined || value === 0 || value === "" || value === false) return true;
  if (value === "ON_FAILURE_UNSPECIFIED" || value === "ON_FAILURE_STOP") return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
