export { createRolloutSight } from "./rollout-sight.ts";
export { createStackStanding } from "./stack-standing.ts";
