import { startVictoriaMetrics } from "@windflow/e2e/testbed";
import { execFileSync } from "node:child_process";
import { processorSeconds } from "./processor.ts";
import type { HostBatch } from "./series.ts";

/** VictoriaMetrics with the same series: a metric for each column, labels for the host and the device. */
export interface Peer {
  readonly pid: number;
  /** One request each. */
  ingest(bodies: readonly string[]): Promise<void>;
  /** Milliseconds until the answer is there. */
  query(expression: string, range: { fromMs: number; toMs: number; stepMs: number }): Promise<number>;
  processorSeconds(): number;
  /** On disk, after what is in memory was written. */
  bytes(): Promise<number>;
  stop(): Promise<void>;
}

export async function startPeer(): Promise<Peer> {
  const server = await startVictoriaMetrics();
  return {
    pid: server.pid,
    ingest: async (bodies) => {
      for (const body of bodies) {
        const answer = await fetch(`${server.url}/api/v1/import`, { method: "POST", body });
        if (!answer.ok) throw new Error(`VictoriaMetrics refused an import: ${await answer.text()}`);
      }
    },
    query: async (expression, { fromMs, toMs, stepMs }) => {
      const start = performance.now();
      const query = new URLSearchParams({
        query: expression,
        start: String(fromMs / 1000),
        end: String(toMs / 1000),
        step: `${stepMs / 1000}s`,
        nocache: "1",
      });
      const answer = await fetch(`${server.url}/api/v1/query_range?${query.toString()}`);
      const { data } = (await answer.json()) as { data: { result: unknown[] } };
      if (data.result.length === 0) throw new Error(`VictoriaMetrics found nothing for ${expression}`);
      return performance.now() - start;
    },
    processorSeconds: () => processorSeconds(server.pid),
    bytes: async () => {
      await fetch(`${server.url}/internal/force_flush`);
      return Number(execFileSync("du", ["-sb", server.folder], { encoding: "utf8" }).split("\t")[0]);
    },
    stop: () => server.stop(),
  };
}

/** What is sent for the batches of several hosts. */
export function bodyOf(group: readonly { readonly host: string; readonly batch: HostBatch }[]): string {
  const lines = group.flatMap(({ host, batch }) => batch.columns.map((column) => lineOf(host, batch, column)));
  return `${lines.join("\n")}\n`;
}

function lineOf(host: string, { atMs }: HostBatch, { name, values }: HostBatch["columns"][number]): string {
  const [column = "", device] = name.split(":");
  const metric = { __name__: column, host, ...(device === undefined ? {} : { device }) };
  return JSON.stringify({ metric, values, timestamps: atMs });
}
