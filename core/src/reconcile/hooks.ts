import type { ComposeHook, ComposeService } from "../compose/model.ts";
import { WINDFLOW_LABEL } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";

export type HookPhase = "post_start" | "pre_stop";

/** Text of the label that keeps the hooks of a container with it; undefined when it has none. */
export function preStopLabel(service: ComposeService): string | undefined {
  const hooks = service.pre_stop ?? [];
  return hooks.length === 0 ? undefined : JSON.stringify(hooks);
}

/** Hooks to be run before the container is stopped: those it was made with, which its service may have changed since. */
export function preStopHooks(container: ObservedContainer, service: ComposeService | undefined): ComposeHook[] {
  // One that docker compose made, and that was adopted, does not carry them.
  if (container.labels[WINDFLOW_LABEL.stack] === undefined) return service?.pre_stop ?? [];
  try {
    const hooks: unknown = JSON.parse(container.labels[WINDFLOW_LABEL.preStop] ?? "[]");
    return Array.isArray(hooks) ? hooks.filter(isHook) : [];
  } catch {
    return [];
  }
}

function isHook(value: unknown): value is ComposeHook {
  return typeof value === "object" && value !== null;
}
