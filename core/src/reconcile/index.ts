export type * from "./desired.ts";
export { changedParts, fileUses, filesDigest, partsText, type FileUse } from "./service-digests.ts";
export { describeStep, formatPlan } from "./format-plan.ts";
export { isCorrecting, isSettledOn, policyKey, sortDrift, type Settled, type SortedPlan } from "./drift.ts";
export {
  freshHealRecord,
  healingText,
  healRuleOf,
  judgeHealing,
  type Healing,
  type HealJudgement,
  type HealRecord,
  type HealTurn,
} from "./healing.ts";
export { wantedRestartPolicy } from "./plan-restart-policy.ts";
export { familiarReference, imageReferenceOf, isImageId } from "./image-reference.ts";
export {
  COMPOSE_LABEL,
  COMPOSE_VERSION,
  WINDFLOW_LABEL,
  containerName,
  dependenciesInLabels,
  numberOf,
  ownerOf,
  serviceOf,
  type Owner,
} from "./labels.ts";
export { hooksOf, type HookPhase } from "./hooks.ts";
export type * from "./observed.ts";
export { planStacks, type PlanInput } from "./plan.ts";
export { applyPins, newPins, pinOf, prunePins, type ImagePin } from "./pins.ts";
export { canonicalRegistry, DOCKER_HUB, namesRegistry, registryOf, repositoryOf } from "./registry-address.ts";
export { judge, makingKey, replacementText, replacementsOf, type Replacement, type Verdict } from "./replacement.ts";
export { resolveImage, type ImageStanding } from "./resolve-image.ts";
export { restartPolicy, type RestartPolicy } from "./restart-policy.ts";
export { isCompleted, isFailed, needOf } from "./run-state.ts";
export { hasHealthcheck, inDependencyOrder, replicasOf, sharedServices } from "./service-shape.ts";
export type * from "./steps.ts";
export { unsupportedUses, type UnsupportedUse } from "./unsupported.ts";
export { indexWorld, isRunning, ownContainers, sortedEntries, type WorldIndex } from "./world-index.ts";
