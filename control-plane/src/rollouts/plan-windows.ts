import type { HostView, Rollout } from "./model.ts";

export interface KeptByWindow {
  readonly cause: string;
  /** Milliseconds since 1970; absent when no window of the host ever opens. */
  readonly opensAt?: number;
}

/** Why the host may not be changed now; undefined when it may. */
export function keptByWindow(rollout: Pick<Rollout, "ignoreWindows">, view: HostView): KeptByWindow | undefined {
  const { window } = view;
  if (window === undefined || window.open || rollout.ignoreWindows) return undefined;
  if (window.opensAt === undefined) return { cause: "its maintenance windows never open: change them, or its labels" };
  const at = new Date(window.opensAt).toISOString().slice(0, 16);
  return { cause: `its maintenance window opens at ${at}Z`, opensAt: window.opensAt };
}
