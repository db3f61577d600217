import type { ComposeHook, ComposeService } from "../compose/model.ts";
import { WINDFLOW_LABEL } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";

export type HookPhase = "post_start" | "pre_stop";

const LABELS = { post_start: WINDFLOW_LABEL.postStart, pre_stop: WINDFLOW_LABEL.preStop } as const;

/** Labels that keep the hooks of a container with it. */
export function hookLabels(service: ComposeService): Record<string, string> {
  return Object.fromEntries(
    (["post_start", "pre_stop"] as const).flatMap((phase) => {
      const hooks = service[phase] ?? [];
      return hooks.length === 0 ? [] : [[LABELS[phase], JSON.stringify(hooks)]];
    }),
  );
}

/** Hooks of a container: those it was made with, which its service may have changed since. */
export function hooksOf(
  phase: HookPhase,
  container: ObservedContainer,
  service: ComposeService | undefined,
): ComposeHook[] {
  // One that docker compose made, and that was adopted, does not carry them.
  if (container.labels[WINDFLOW_LABEL.stack] === undefined) return service?.[phase] ?? [];
  try {
    const hooks: unknown = JSON.parse(container.labels[LABELS[phase]] ?? "[]");
    return Array.isArray(hooks) ? hooks.filter(isHook) : [];
  } catch {
    return [];
  }
}

function isHook(value: unknown): value is ComposeHook {
  return typeof value === "object" && value !== null;
}
