/** How often an agent speaks by itself, milliseconds. */
export interface LinkPace {
  readonly heartbeatMs: number;
  readonly hostSampleShipMs: number;
  readonly containerSampleShipMs: number;
}

/** A host is stale after three heartbeats that did not come (45 s), offline after six. */
export const USUAL_PACE: LinkPace = { heartbeatMs: 15_000, hostSampleShipMs: 15_000, containerSampleShipMs: 30_000 };

/**
 * Where every byte costs. A heartbeat keeps the usual translators of addresses (5 minutes) from forgetting the connection, so that
 * no other ping is needed; figures of host and containers leave together.
 */
export const METERED_PACE: LinkPace = {
  heartbeatMs: 240_000,
  hostSampleShipMs: 300_000,
  containerSampleShipMs: 300_000,
};

/** How much longer than usual a host may be silent before it is stale and offline. */
export const METERED_PATIENCE: number = METERED_PACE.heartbeatMs / USUAL_PACE.heartbeatMs;

export function paceOf(metered: boolean): LinkPace {
  return metered ? METERED_PACE : USUAL_PACE;
}
