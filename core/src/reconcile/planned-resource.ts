import type { DesiredStack, DesiredWorld } from "./desired.ts";
import { COMPOSE_LABEL, COMPOSE_VERSION, WINDFLOW_LABEL } from "./labels.ts";

/** A network or volume that a service uses, as it stands on the engine or in the plan. */
export interface PlannedResource {
  readonly name: string;
  /** Id of the network that containers are to be attached to; absent while it is to be created. */
  readonly networkId?: string;
  readonly createStep?: string;
  /** It is there with other settings and has to be made anew, for which its containers have to go first. */
  readonly replaced?: boolean;
  /** Why no container that needs it can be created. */
  readonly error?: string;
}

export interface PlannedResources {
  readonly networks: ReadonlyMap<string, PlannedResource>;
  readonly volumes: ReadonlyMap<string, PlannedResource>;
}

/** Labels of the stack that every container, network and volume of it carries. */
export function stackLabels(desired: DesiredWorld, stack: DesiredStack): Record<string, string> {
  return {
    [COMPOSE_LABEL.project]: stack.project,
    [COMPOSE_LABEL.version]: COMPOSE_VERSION,
    [WINDFLOW_LABEL.organization]: desired.organizationId,
    [WINDFLOW_LABEL.stack]: stack.stackId,
    [WINDFLOW_LABEL.stackName]: stack.stackName,
    [WINDFLOW_LABEL.revision]: String(stack.revision),
  };
}
