export { emptyPlacement, FACT_PREFIX, type Placement, type PlacementHost } from "./model.ts";
export { placeStack, usesFacts } from "./plan.ts";
