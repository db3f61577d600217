export { expressionMessage, expressionOf } from "./expression-wire.ts";
export {
  emptyPlacement,
  FACT_PREFIX,
  noConstraints,
  noUse,
  DEFAULT_GONE_AFTER_SECONDS,
  type CurrentHost,
  type HostUse,
  type LabelExpression,
  type LabelOperator,
  type Placement,
  type PlacementDecision,
  type PlacementHost,
  type PlacementInput,
  type PlacementPlan,
  type PlacementReason,
  type PlacementStrategy,
  type PublishedPort,
  type StackNeeds,
} from "./model.ts";
export { holds, usesFacts } from "./plan-labels.ts";
export { needsOf } from "./plan-needs.ts";
export { lacksOf } from "./plan-refusals.ts";
export { expressionViolations, placementViolations } from "./plan-violations.ts";
export { planPlacement } from "./plan.ts";
