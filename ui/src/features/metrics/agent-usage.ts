import type { MetricSeries } from "@windflow/proto/client";

/** What the agent itself takes of its host, as it told last; what it did not tell is undefined. */
export interface AgentUsage {
  /** 1 is one whole processor. */
  cpu: number | undefined;
  /** Bytes that no other program shares. */
  memory: number | undefined;
  /** Bytes, with what the system can take back, such as the program itself. */
  resident: number | undefined;
  /** Bytes on its disk that wait to be sent. */
  spool: number | undefined;
  /** Bytes a second. */
  sent: number | undefined;
  received: number | undefined;
}

export function agentUsage(series: MetricSeries): AgentUsage {
  const last = (name: string): number | undefined => {
    const values = (series.columns ?? []).find((column) => column.name === name)?.values ?? [];
    return values.map(Number).findLast(Number.isFinite);
  };
  return {
    cpu: last("agent_cpu_ratio"),
    memory: last("agent_memory_bytes"),
    resident: last("agent_resident_bytes"),
    spool: last("agent_spool_bytes"),
    sent: last("agent_transmit_bytes_per_second"),
    received: last("agent_receive_bytes_per_second"),
  };
}
