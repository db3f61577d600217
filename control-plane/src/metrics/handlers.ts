import type { MetricSeries, MetricsServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Caller, type Clock, type Database } from "../platform/index.ts";
import type { LiveLooks } from "./live.ts";
import type { Subject } from "./model.ts";
import { queryMetrics, type MetricsQuery } from "./query.ts";

// A range that ends this close to now is a live view.
const NOW_MS = 30_000;

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

  return {
    queryHostMetrics: (request, { caller }) => series(caller, { hostId: request.hostId, containerId: "" }, request),
    queryContainerMetrics: (request, { caller }) =>
      series(caller, { hostId: request.hostId, containerId: request.containerId }, request),
  };
}
