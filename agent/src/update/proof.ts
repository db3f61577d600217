import type { Clock } from "../platform/clock.ts";
import type { SessionEnd } from "../session/session.ts";
import type { Trial } from "./slots.ts";

export interface Proof {
  welcomed(): void;
  ended(end: Pick<SessionEnd, "renewed">): void;
  stop(): void;
}

/** Calls back once when a session has lasted as long as the trial asks. A session that this host itself renews goes on. */
export function createProof(
  { stableSeconds }: Pick<Trial, "stableSeconds">,
  clock: Clock,
  onProven: () => void,
): Proof {
  let isOpen = false;
  let lasted = false;
  let done = false;
  let cancel: (() => void) | undefined;

  const finish = (): void => {
    if (done || !isOpen || !lasted) return;
    done = true;
    onProven();
  };
  return {
    welcomed: () => {
      isOpen = true;
      cancel ??= clock.after(stableSeconds * 1_000, () => {
        lasted = true;
        finish();
      });
      finish();
    },
    ended: ({ renewed }) => {
      isOpen = false;
      if (renewed) return;
      cancel?.();
      cancel = undefined;
      lasted = false;
    },
    stop: () => cancel?.(),
  };
}
