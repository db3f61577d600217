import type { GateProbe } from "@windflow/proto/agent";
import {
  MetricCondition_Comparison,
  RolloutStrategy_OnFailure,
  type HealthGate as HealthGateMessage,
  type MetricCondition as MetricConditionMessage,
  type Probe,
  type RolloutStrategy as RolloutStrategyMessage,
  type Wave as WaveMessage,
} from "@windflow/proto/api";
import {
  DEADLINE_SECONDS,
  MAX_RESTARTS,
  plainStrategy,
  type HealthGate,
  type MetricCondition,
  type RolloutStrategy,
  type Wave,
  type WaveSize,
} from "./strategy.ts";

// A probe that asks more often, or waits longer, than this says nothing more.
const PROBE_INTERVAL_SECONDS = 5;
const PROBE_TIMEOUT_SECONDS = 5;

/** A strategy without violations (`strategyViolations` of stacks), with its defaults filled in. */
export function strategyOf(message: RolloutStrategyMessage): RolloutStrategy {
  return {
    waves: message.waves.map(waveOf),
    maxParallel: message.maxParallel,
    failureBudget: message.failureBudget,
    onFailure: message.onFailure === RolloutStrategy_OnFailure.ON_FAILURE_ROLL_BACK ? "roll-back" : "stop",
    gate: gateOf(message.healthGate),
  };
}

export function gateOf(message: HealthGateMessage | undefined): HealthGate {
  if (message === undefined) return plainStrategy.gate;
  return {
    stableMs: message.stableSeconds * 1000,
    deadlineMs: (message.deadlineSeconds || DEADLINE_SECONDS) * 1000,
    maxRestarts: message.maxRestarts || MAX_RESTARTS,
    probes: message.probes.map(probeOf),
    conditions: message.metricConditions.map(conditionOf),
  };
}

function waveOf({ name, size, pauseSeconds, needsApproval, maxParallel }: WaveMessage): Wave {
  return { name, size: sizeOf(size), pauseMs: pauseSeconds * 1000, needsApproval, maxParallel };
}

function sizeOf(size: WaveMessage["size"]): WaveSize {
  switch (size?.$case) {
    case "hosts":
      return { kind: "hosts", count: size.value };
    case "percent":
      return { kind: "percent", percent: size.value };
    case "list":
      return { kind: "list", hostIds: size.value.hostIds };
    case "labels":
      return { kind: "labels", matchLabels: size.value.matchLabels };
    case undefined:
      throw new TypeError("a wave without a size was not refused at the door");
  }
}

function probeOf({ service, check, intervalSeconds, timeoutSeconds, successes }: Probe): GateProbe {
  const http = check?.$case === "http" ? check.value : undefined;
  return {
    service,
    httpPort: http?.port ?? 0,
    httpPath: http === undefined ? "" : http.path || "/",
    httpStatus: http?.status ?? 0,
    httpContains: http?.contains ?? "",
    tcpPort: check?.$case === "tcp" ? check.value.port : 0,
    command: check?.$case === "exec" ? check.value.command : [],
    intervalSeconds: intervalSeconds || PROBE_INTERVAL_SECONDS,
    timeoutSeconds: timeoutSeconds || PROBE_TIMEOUT_SECONDS,
    successes: successes || 1,
  };
}

function conditionOf({ column, service, comparison, value }: MetricConditionMessage): MetricCondition {
  const isAbove = comparison === MetricCondition_Comparison.COMPARISON_ABOVE;
  return { column, service, comparison: isAbove ? "above" : "below", value };
}

export function strategyMessage(strategy: RolloutStrategy): RolloutStrategyMessage {
  return {
    waves: strategy.waves.map(waveMessage),
    maxParallel: strategy.maxParallel,
    failureBudget: strategy.failureBudget,
    onFailure:
      strategy.onFailure === "roll-back"
        ? RolloutStrategy_OnFailure.ON_FAILURE_ROLL_BACK
        : RolloutStrategy_OnFailure.ON_FAILURE_STOP,
    healthGate: gateMessage(strategy.gate),
  };
}

function gateMessage(gate: HealthGate): HealthGateMessage {
  return {
    stableSeconds: gate.stableMs / 1000,
    deadlineSeconds: gate.deadlineMs / 1000,
    maxRestarts: gate.maxRestarts,
    probes: gate.probes.map(probeMessage),
    metricConditions: gate.conditions.map(({ column, service, comparison, value }) => ({
      column,
      service,
      comparison:
        comparison === "above"
          ? MetricCondition_Comparison.COMPARISON_ABOVE
          : MetricCondition_Comparison.COMPARISON_BELOW,
      value,
    })),
  };
}

function probeMessage(probe: GateProbe): Probe {
  const { service, intervalSeconds, timeoutSeconds, successes } = probe;
  return { service, check: checkOf(probe), intervalSeconds, timeoutSeconds, successes };
}

function checkOf({ httpPort, httpPath, httpStatus, httpContains, tcpPort, command }: GateProbe): Probe["check"] {
  if (httpPort > 0) {
    return { $case: "http", value: { port: httpPort, path: httpPath, status: httpStatus, contains: httpContains } };
  }
  return tcpPort > 0 ? { $case: "tcp", value: { port: tcpPort } } : { $case: "exec", value: { command } };
}

function waveMessage({ name, size, pauseMs, needsApproval, maxParallel }: Wave): WaveMessage {
  return { name, size: sizeMessage(size), pauseSeconds: pauseMs / 1000, needsApproval, maxParallel };
}

function sizeMessage(size: WaveSize): WaveMessage["size"] {
  switch (size.kind) {
    case "hosts":
      return { $case: "hosts", value: size.count };
    case "percent":
      return { $case: "percent", value: size.percent };
    case "list":
      return { $case: "list", value: { hostIds: [...size.hostIds] } };
    case "labels":
      return { $case: "labels", value: { matchLabels: { ...size.matchLabels } } };
  }
}
