export { composeRenderer } from "./compose.ts";
export { decodeModel } from "./body.ts";
export {
  lockStack,
  readDeployable,
  requireStack,
  secretValues,
  stackRolledOut,
  type DeployableRevision,
  type RolledOut,
} from "./deployable.ts";
export { stacksErrors } from "./errors.ts";
export type {
  Revision,
  RevisionSummary,
  SecretText,
  Stack,
  StackSource,
  StackVariable,
  StoredProblem,
} from "./model.ts";
export { stacksHandlers } from "./handlers.ts";
export { createPlanning, type Planning } from "./planning.ts";
export type { ComposeRenderer, HostPlanner, RenderInput, StackRemover, StackStanding } from "./ports.ts";
export { createRevisions, WORKING_DIRECTORY, type Revisions } from "./revisions.ts";
export { createStacksService, etagOf, type StacksService } from "./service.ts";
export { readStacks } from "./store.ts";
export { readBody } from "./store-revisions.ts";
