import { isRecord } from "./json-lines.ts";
import type { ContainerFigures } from "../streams-engine.ts";
import { compact } from "./units.ts";

/** Figures from the engine's stats JSON. Memory is the working set, as `docker stats` shows it: usage without inactive file cache. */
export function figuresOf(stats: unknown): ContainerFigures {
  const root = isRecord(stats) ? stats : {};
  const memory = record(root["memory_stats"]);
  const detail = record(memory["stats"]);
  // The first name is of control groups 1, the second of 2.
  const inactive = number(detail["total_inactive_file"]) ?? number(detail["inactive_file"]) ?? 0;
  const usage = number(memory["usage"]) ?? 0;
  const blocks = record(root["blkio_stats"])["io_service_bytes_recursive"];
  const networks = Object.values(record(root["networks"])).map(record);
  return compact({
    cpuNanoseconds: number(record(record(root["cpu_stats"])["cpu_usage"])["total_usage"]) ?? 0,
    memoryBytes: inactive < usage ? usage - inactive : usage,
    memoryLimitBytes: number(memory["limit"]),
    processes: number(record(root["pids_stats"])["current"]),
    receivedBytes: sum(networks.map((network) => number(network["rx_bytes"]))),
    sentBytes: sum(networks.map((network) => number(network["tx_bytes"]))),
    readBytes: blockBytes(blocks, "read"),
    writtenBytes: blockBytes(blocks, "write"),
  });
}

function blockBytes(entries: unknown, operation: string): number {
  if (!Array.isArray(entries)) return 0;
  const matching = entries.map(record).filter((entry) => String(entry["op"]).toLowerCase() === operation);
  return sum(matching.map((entry) => number(entry["value"])));
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
