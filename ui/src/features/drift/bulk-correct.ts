import type { Drift } from "@windflow/proto/client";

/** So many corrections are asked for at the same time; each is one small call. */
const AT_ONCE = 4;

export interface BulkOutcome {
  done: Drift[];
  failed: { drift: Drift; error: unknown }[];
}

/** Corrects several differences; one that cannot be corrected does not stop the others. */
export async function correctAll(
  drifts: readonly Drift[],
  correct: (drift: Drift) => Promise<Drift>,
): Promise<BulkOutcome> {
  const outcome: BulkOutcome = { done: [], failed: [] };
  const waiting = [...drifts];
  async function work(): Promise<void> {
    for (let drift = waiting.shift(); drift !== undefined; drift = waiting.shift()) {
      try {
        outcome.done.push(await correct(drift));
      } catch (error) {
        outcome.failed.push({ drift, error });
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}
