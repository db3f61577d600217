export { hostHistory } from "./host-history.ts";
export { createTerminalRights } from "./terminal-rights.ts";
export { createHostPlanner } from "./host-planner.ts";
export { createImageResolver } from "./image-resolver.ts";
export { createRegistryTester } from "./registry-tester.ts";
export { createRolloutSight } from "./rollout-sight.ts";
export { createStackStanding } from "./stack-standing.ts";
