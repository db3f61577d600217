export { decodeModel } from "./body.ts";
export { createComposeRenderer } from "./compose.ts";
export {
  lockStack,
  readDeployable,
  requireStack,
  secretValues,
  stackRolledOut,
  type DeployableRevision,
} from "./deployable.ts";
export { createDrafts, WORKING_DIRECTORY, type Draft, type Drafts } from "./drafts.ts";
export { stackPlacementChanged } from "./events.ts";
export { stacksErrors } from "./errors.ts";
export { stacksHandlers } from "./handlers.ts";
export { askHosts, withoutPlan, type HostQuestion } from "./host-plans.ts";
export { revisionFiles } from "./held-files.ts";
export type { Revision, SourceFile, Stack, StackSource } from "./model.ts";
export { hostsResolve, knownImages, nothingBuilt } from "./no-images.ts";
export { createPlanning } from "./planning.ts";
export type { BuiltImages, HostPlanner, ImageReference, ImageResolver, ImagesWanted, StackStanding } from "./ports.ts";
export {
  defaultPolicy,
  hostPolicyOf,
  strategyViolations,
  type HealAction,
  type HealPolicy,
  type StackPolicy,
} from "./policy.ts";
export type { PreparedRevision } from "./prepare.ts";
export { buildNeeded, invalidSource, requirePrivilege } from "./refusals.ts";
export { createRevisions, type Revisions } from "./revisions.ts";
export { createStacksService, type NewStack, type StacksService } from "./service.ts";
export { listPlaceableStacks, readPolicies, readStackNames, stackNamesTaken } from "./store.ts";
export { readBody, readDigest, readRevision, readSummary as readRevisionSummary } from "./store-revisions.ts";
export { sourceOf, stackMessage } from "./wire.ts";
