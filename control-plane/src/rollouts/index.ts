export { createDesiredStates, type DesiredStates } from "./desired.ts";
export { rolloutsErrors } from "./errors.ts";
export { desiredStateChanged, type DesiredStateChange } from "./events.ts";
export {
  isHostEnded,
  type HostView,
  type HostWindow,
  type Rollout,
  type RolloutHostState,
  type RolloutState,
  type RolloutWait,
  type StackReport,
  type WaveStanding,
} from "./model.ts";
export { rolloutsHandlers } from "./handlers.ts";
export { placeStack, type Placing } from "./placed.ts";
export type { PlannedHost } from "./plan-steps.ts";
export { assignWaves, type WaveCandidate } from "./plan-waves.ts";
export { createProgressTeller } from "./progress-teller.ts";
export type { GateMetrics, HostWork, PlacementSight, RolloutSight } from "./ports.ts";
export { createRolloutsService, type RolloutsService } from "./service.ts";
export { readOpenIds } from "./store.ts";
export { plainStrategy, type MetricCondition, type RolloutStrategy } from "./strategy.ts";
export { readStackHosts, type DesiredState } from "./store-desired.ts";
export { strategyMessage, strategyOf } from "./strategy-wire.ts";
export { listenFor } from "./touches.ts";
export { waveRules, type WaveRules } from "./wave-rules.ts";
export { waveStateOf, type WaveState } from "./wave-state.ts";
export { createRolloutWorker, type RolloutWorker } from "./worker.ts";
export { createPlacementKeeper, type PlacementKeeper } from "./keep-placed-worker.ts";
export { readShorts } from "./store-kept.ts";
export { createPreview, type Preview } from "./preview.ts";
