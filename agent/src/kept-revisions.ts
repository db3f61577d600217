import type { DesiredWorld, ImagePin, ObservedWorld, ServiceState } from "@windflow/core";
import type { Clock } from "./platform/clock.ts";
import type { ObservationReport } from "./reconcile/options.ts";
import type { WellSince } from "./reporting/well-since.ts";
import type { DesiredStore } from "./state/desired-store.ts";
import { missingImages } from "./state/kept-images.ts";

/** What cannot read its configuration ends within seconds; a revision that did so is nothing to go back to. */
const RAN_AFTER_MS = 5_000;
const WELL: ReadonlySet<ServiceState> = new Set(["running", "completed"]);

/** Notes which revisions ran here as they should, and knows which of them the host could run again by itself. */
export interface KeptHere {
  follow(report: ObservationReport, desired: DesiredWorld | undefined, wellSince: WellSince): void;
  /** Revisions whose images are all on the engine, rising. */
  of(stackId: string, world: ObservedWorld | undefined): readonly number[];
  stop(): void;
}

export function createKeptRevisions(parts: {
  readonly store: Pick<DesiredStore, "noteRan" | "kept">;
  readonly clock: Clock;
  pins(): readonly ImagePin[];
  /** Time has passed: whether a revision ran long enough can be told anew. */
  onRan(): void;
}): KeptHere {
  const { store, clock } = parts;
  let cancel: (() => void) | undefined;
  let stopped = false;
  // Asked for each message, while images and pins change seldom.
  const known = new Map<string, { readonly of: readonly unknown[]; readonly revisions: readonly number[] }>();
  return {
    follow(report, desired, wellSince) {
      cancel?.();
      if (stopped) return;
      let nextAt = Infinity;
      for (const status of report.stacks) {
        const stack = desired?.stacks.find(({ stackId }) => stackId === status.stackId);
        const settlement = report.settlements.find(({ stackId }) => stackId === status.stackId);
        if (stack === undefined || settlement?.converged !== true || !WELL.has(status.state)) continue;
        const since = wellSince.of(stack.stackId, status.services);
        if (settlement.failedAttempt !== undefined || since === undefined) continue;
        if (clock.now() - since >= RAN_AFTER_MS) store.noteRan(stack);
        else nextAt = Math.min(nextAt, since + RAN_AFTER_MS);
      }
      cancel = nextAt === Infinity ? undefined : clock.after(nextAt - clock.now(), () => parts.onRan());
    },
    of(stackId, world) {
      if (world === undefined) return [];
      const kept = store.kept(stackId);
      const pins = parts.pins();
      const of = [world.images, pins, ...kept];
      const before = known.get(stackId);
      if (before?.of.length === of.length && before.of.every((one, i) => one === of[i])) return before.revisions;
      const whole = kept.filter((stack) => missingImages(stack, world, pins).length === 0);
      const revisions = whole.map(({ revision }) => revision).toSorted((a, b) => a - b);
      known.set(stackId, { of, revisions });
      return revisions;
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
