import type { MetricAggregation, MetricSubjects, QueryFleetMetricsRequest } from "@windflow/proto/client";

/** What the explorer shows. All of it stands in the address, so that a link shows the same. */
export interface ExplorerQuery {
  subjects: "hosts" | "containers";
  figure: string;
  aggregation: Aggregation;
  filter: string;
  stackId: string;
  service: string;
  groupBy: string;
  range: Range;
  compare: Compare;
}
export type Aggregation = "average" | "sum" | "maximum" | "minimum" | "p95";
export const AGGREGATIONS: Record<Aggregation, MetricAggregation> = {
  average: "METRIC_AGGREGATION_AVERAGE",
  sum: "METRIC_AGGREGATION_SUM",
  maximum: "METRIC_AGGREGATION_MAXIMUM",
  minimum: "METRIC_AGGREGATION_MINIMUM",
  p95: "METRIC_AGGREGATION_P95",
};
const SUBJECTS: Record<ExplorerQuery["subjects"], MetricSubjects> = {
  hosts: "METRIC_SUBJECTS_HOSTS",
  containers: "METRIC_SUBJECTS_CONTAINERS",
};
/** Names of columns, the usual ones first. */
export const FIGURES: Record<ExplorerQuery["subjects"], readonly string[]> = {
  hosts: [
    "cpu_percent",
    "memory_percent",
    "memory_used_bytes",
    "load_1m",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "disk_used_bytes:/",
    "swap_used_bytes",
    "cpu_iowait_percent",
    "cpu_steal_percent",
  ],
  containers: [
    "cpu_percent",
    "memory_used_bytes",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "block_read_bytes_per_second",
    "block_write_bytes_per_second",
    "processes",
  ],
};
/** Seconds. The finest step of many hosts is five minutes. */
export const RANGES = { "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 } as const;
export type Range = keyof typeof RANGES;
export type Compare = "" | "before" | "day" | "week";
const DAY_S = 86_400;
/** About one point each four pixels of a wide chart. */
const MAX_POINTS = 288;
/** Steps of many hosts begin at multiples of this: a range that does too meets an earlier one point by point. */
const STEP_MS = 300_000;

export const USUAL: ExplorerQuery = {
  subjects: "hosts",
  figure: "cpu_percent",
  aggregation: "average",
  filter: "",
  stackId: "",
  service: "",
  groupBy: "",
  range: "6h",
  compare: "",
};

/** The query that an address says; what it does not say, or says wrongly, is as usual. */
export function readQuery(address: Readonly<Record<string, unknown>>): ExplorerQuery {
  const text = (name: keyof ExplorerQuery): string => (typeof address[name] === "string" ? address[name] : USUAL[name]);
  const among = <Value extends string>(name: keyof ExplorerQuery, values: readonly Value[]): Value =>
    values.find((value) => value === address[name]) ?? (USUAL[name] as Value);
  const subjects = among("subjects", ["hosts", "containers"]);
  return {
    subjects,
    figure: FIGURES[subjects].find((figure) => figure === address["figure"]) ?? FIGURES[subjects][0] ?? USUAL.figure,
    aggregation: among("aggregation", Object.keys(AGGREGATIONS) as Aggregation[]),
    filter: text("filter"),
    stackId: subjects === "containers" ? text("stackId") : "",
    service: subjects === "containers" ? text("service") : "",
    groupBy: text("groupBy"),
    range: among("range", Object.keys(RANGES) as Range[]),
    compare: among("compare", ["", "before", "day", "week"]),
  };
}

/** What an address has to say of a query: all that is not as usual. */
export function writeQuery(query: ExplorerQuery): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).filter(([name, value]) => value !== USUAL[name as keyof ExplorerQuery]),
  );
}

/** Milliseconds that the compared range lies earlier; 0 when nothing is compared. */
export function offsetOf(query: ExplorerQuery): number {
  const seconds = { "": 0, before: RANGES[query.range], day: DAY_S, week: 7 * DAY_S }[query.compare];
  return seconds * 1000;
}

/** The range that ends at the next step from `nowMs`, moved back by `offsetMs`. */
export function spanOf(query: ExplorerQuery, nowMs: number, offsetMs = 0): { from: number; to: number } {
  const to = Math.ceil(nowMs / STEP_MS) * STEP_MS - offsetMs;
  return { from: to - RANGES[query.range] * 1000, to };
}

export function requestOf(
  organization: string,
  query: ExplorerQuery,
  span: { from: number; to: number },
): QueryFleetMetricsRequest {
  return {
    organization,
    column: query.figure,
    subjects: SUBJECTS[query.subjects],
    aggregation: AGGREGATIONS[query.aggregation],
    hostFilter: query.filter,
    stackId: query.stackId,
    service: query.service,
    groupBy: query.groupBy,
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    maxPoints: MAX_POINTS,
  };
}
