import {
  MetricAggregation,
  MetricSubjects,
  type FleetMetrics,
  type MetricSeries,
  type MetricsServiceService,
  type QueryFleetMetricsRequest,
} from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Caller, type Clock, type Database } from "../platform/index.ts";
import type { Aggregation } from "./fleet-shape.ts";
import type { LiveLooks } from "./live.ts";
import type { Subject } from "./model.ts";
import { queryFleetMetrics } from "./query-fleet.ts";
import { queryMetrics, type MetricsQuery } from "./query.ts";

// A range that ends this close to now is a live view.
const NOW_MS = 30_000;

const AGGREGATIONS: Partial<Record<MetricAggregation, Aggregation>> = {
  [MetricAggregation.METRIC_AGGREGATION_AVERAGE]: "average",
  [MetricAggregation.METRIC_AGGREGATION_SUM]: "sum",
  [MetricAggregation.METRIC_AGGREGATION_MAXIMUM]: "maximum",
  [MetricAggregation.METRIC_AGGREGATION_MINIMUM]: "minimum",
  [MetricAggregation.METRIC_AGGREGATION_P95]: "p95",
};

export function metricsHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly keptMs: number;
  readonly looks: LiveLooks;
}): Handlers<typeof MetricsServiceService> {
  const { database, clock, keptMs, looks } = parts;

  async function series(caller: Caller, subject: Subject, query: MetricsQuery): Promise<MetricSeries> {
    const shown = await database.inOrganization(
      caller,
      async (tx) => {
        const [host] = await listHostSummaries(tx, { hostIds: [subject.hostId] });
        if (host === undefined) {
          const detail = `there is no host ${subject.hostId}`;
          throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
        }
        return queryMetrics(tx, subject, query, { clock, keptMs });
      },
      { readOnly: true },
    );
    if (query.to === undefined || clock.now().getTime() - query.to.getTime() < NOW_MS) looks.look(subject.hostId);
    const columns = shown.columns.map(({ name, unit, values }) => ({ name, unit, values }));
    return { atMs: shown.atMs, columns, stepSeconds: shown.stepMs / 1000 };
  }

  async function together(caller: Caller, request: QueryFleetMetricsRequest): Promise<FleetMetrics> {
    const isOfContainers =
      request.subjects === MetricSubjects.METRIC_SUBJECTS_CONTAINERS ||
      request.stackId !== "" ||
      request.service !== "";
    if (isOfContainers && request.subjects === MetricSubjects.METRIC_SUBJECTS_HOSTS) {
      const message = "a stack and a service have containers: leave `subjects` out, or both of them";
      throw new ProblemError({
        code: commonErrors.WF_INVALID_ARGUMENT,
        detail: message,
        violations: [{ path: "subjects", message }],
      });
    }
    const query = {
      ...request,
      kind: isOfContainers ? ("container" as const) : ("host" as const),
      aggregation: AGGREGATIONS[request.aggregation] ?? "average",
    };
    const answer = await database.inOrganization(
      caller,
      (tx) => queryFleetMetrics(tx, caller.organizationId, query, { clock, keptMs }),
      { readOnly: true },
    );
    const { atMs, stepMs, unit = "", series: groups, completeUntil } = answer;
    return { atMs, stepSeconds: stepMs / 1000, unit, series: groups, completeUntil };
  }

  return {
    queryFleetMetrics: (request, { caller }) => together(caller, request),
    queryHostMetrics: (request, { caller }) => series(caller, { hostId: request.hostId, containerId: "" }, request),
    queryContainerMetrics: (request, { caller }) =>
      series(caller, { hostId: request.hostId, containerId: request.containerId }, request),
  };
}
