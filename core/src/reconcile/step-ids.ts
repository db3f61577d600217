import type { HookPhase } from "./hooks.ts";
import type { ObservedContainer } from "./observed.ts";
import type { WaitCondition } from "./steps.ts";

// As many digits of an engine id as docker itself shows.
const SHORT_ID = 12;

export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, SHORT_ID);
}

/** Ids follow from the target alone, so a step may name one that is added later, and the next plan names it the same. */
export const stepId = {
  pull: (stackName: string, reference: string): string => `pull-image ${stackName} ${reference}`,
  load: (stackName: string, reference: string): string => `load-image ${stackName} ${reference}`,
  createNetwork: (name: string): string => `create-network ${name}`,
  removeNetwork: (name: string, id: string): string => `remove-network ${name} [${shortId(id)}]`,
  createVolume: (name: string): string => `create-volume ${name}`,
  removeVolume: (name: string): string => `remove-volume ${name}`,
  create: (slot: string): string => `create-container ${slot}`,
  start: (slot: string): string => `start-container ${slot}`,
  startPrevious: (slot: string, container: ObservedContainer): string =>
    `start-container ${slot} [${shortId(container.id)}]`,
  rename: (slot: string): string => `rename-container ${slot}`,
  connect: (slot: string, network: string): string => `connect-network ${slot} ${network}`,
  hook: (slot: string, containerId: string | undefined, phase: HookPhase, index: number): string =>
    `run-hook ${slot}${phase === "pre_stop" && containerId !== undefined ? ` [${shortId(containerId)}]` : ""} ${phase}[${index}]`,
  stop: (container: ObservedContainer): string => `stop-container ${container.name} [${shortId(container.id)}]`,
  restartPolicy: (slot: string): string => `set-restart-policy ${slot}`,
  restart: (slot: string): string => `restart-container ${slot}`,
  remove: (container: ObservedContainer): string => `remove-container ${container.name} [${shortId(container.id)}]`,
  wait: (slot: string, until: WaitCondition): string => `wait ${slot} ${until}`,
};
