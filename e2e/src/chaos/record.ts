/** From and to, milliseconds since 1970; `to` is Infinity while it goes on. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What was really so, noted while it happened. */
export interface HostTruth {
  readonly name: string;
  readonly hostId: string;
  /** The agent could not reach the control plane, or hardly: link cut or lossy, agent or machine down. */
  readonly unreachable: Span[];
  /** The agent's process did not run. */
  readonly agentDown: Span[];
  /** Its clock was wrong. */
  readonly skewed: Span[];
  /** The engine was down or could not write. */
  readonly engineDown: Span[];
}

/** Something that a person did by hand on a host, of which the fleet has to hear exactly once. */
export interface Marker {
  readonly host: number;
  readonly containerId: string;
  readonly at: number;
}

/** What the control plane said of a host at a time. */
export interface PresenceSample {
  readonly at: number;
  readonly hostId: string;
  readonly presence: string;
}

/** What the control plane has answered for. */
export interface Acknowledged {
  readonly revisions: number[];
  readonly rolloutIds: string[];
}

export interface ChaosRecord {
  readonly hosts: readonly HostTruth[];
  readonly serverDown: Span[];
  readonly markers: Marker[];
  readonly presences: PresenceSample[];
  readonly acknowledged: Acknowledged;
  /** Calls that were not answered, by what they said: expected while the server is away. */
  readonly refusals: Map<string, number>;
}

/** Notes a span from now on; the returned function ends it. */
export function begin(spans: Span[]): () => void {
  const from = Date.now();
  spans.push({ from, to: Infinity });
  return () => {
    const index = spans.findIndex((span) => span.from === from && span.to === Infinity);
    if (index >= 0) spans[index] = { from, to: Date.now() };
  };
}

/** Whether any of the spans touches `from` to `to`. */
export function touches(spans: readonly Span[], from: number, to: number): boolean {
  return spans.some((span) => span.from <= to && span.to >= from);
}
