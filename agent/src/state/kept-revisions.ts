import type { AdoptedContainers, DesiredStack } from "@windflow/core";
import { type Kept, type KeptRevision, type LocalHold, loadKept, saveKept } from "./kept-file.ts";
import type { StoredStack } from "./desired-file.ts";
import { DEFAULT_KEEP_REVISIONS } from "./host-policy.ts";

/** What a host can go back to by itself, and what root on it holds. */
export interface KeptRevisions {
  readonly revisions: readonly KeptRevision[];
  readonly holds: readonly LocalHold[];
  /** The stack runs as it should: it is what the next one may be rolled back to. Durable when it returns; true when that is new. */
  noteRan(stack: DesiredStack): boolean;
  /** Forgets what is over the number, and stacks that are gone; gives back what stays. */
  prune(desired: readonly StoredStack[]): readonly KeptRevision[];
  hold(revision: KeptRevision, now: number): void;
  /** undefined when nobody held it. */
  release(stackId: string): LocalHold | undefined;
  /** What the host has to run: held revisions in the place of what is wanted, held stacks also when nothing of them is wanted. */
  effective(desired: readonly StoredStack[], departed?: readonly AdoptedContainers[]): readonly StoredStack[];
}

export function openKeptRevisions(folder: string): KeptRevisions {
  let kept: Kept = loadKept(folder);
  const keep = (next: Partial<Kept>): boolean => {
    const changed = { ...kept, ...next };
    if (JSON.stringify(changed) === JSON.stringify(kept)) return false;
    saveKept(folder, changed);
    kept = changed;
    return true;
  };
  return {
    get revisions() {
      return kept.revisions;
    },
    get holds() {
      return kept.holds;
    },
    noteRan({ stackId, stackName, revision, bodyDigest }) {
      const others = kept.revisions.filter((one) => one.stackId !== stackId || one.revision !== revision);
      const [first] = kept.revisions.filter((one) => one.stackId === stackId);
      if (first?.revision === revision && first.bodyDigest === bodyDigest) return false;
      return keep({ revisions: [{ stackId, stackName, revision, bodyDigest }, ...others] });
    },
    prune(desired) {
      const wanted = new Map(desired.map((stack) => [stack.stackId, stack]));
      const counts = new Map<string, number>();
      keep({
        revisions: kept.revisions.filter((one) => {
          const stack = wanted.get(one.stackId);
          const held = kept.holds.find(({ stackId }) => stackId === one.stackId);
          if (stack === undefined && held === undefined) return false;
          if (one.revision === held?.revision || one.revision === stack?.revision) return true;
          // The one that is wanted, or held, counts, whether or not it has run already.
          const before = counts.get(one.stackId) ?? 1;
          counts.set(one.stackId, before + 1);
          return before < (stack?.policy?.keepRevisions ?? DEFAULT_KEEP_REVISIONS);
        }),
      });
      return kept.revisions;
    },
    hold({ stackId, stackName, revision, bodyDigest }, now) {
      const others = kept.holds.filter((hold) => hold.stackId !== stackId);
      keep({ holds: [...others, { stackId, stackName, revision, bodyDigest, at: now }] });
    },
    release(stackId) {
      const held = kept.holds.find((hold) => hold.stackId === stackId);
      if (held !== undefined) keep({ holds: kept.holds.filter((hold) => hold !== held) });
      return held;
    },
    effective(desired, departed = []) {
      const held = kept.holds.map((hold): StoredStack => {
        // Probes, and volumes that may lose their data, were asked of the revision that is not run.
        const {
          probes: _probes,
          recreateVolumes: _volumes,
          ...wanted
        } = desired.find(({ stackId }) => stackId === hold.stackId) ?? adoptedOnce(hold, departed);
        const { stackId, revision, bodyDigest } = hold;
        return { ...wanted, stackId, revision, bodyDigest, attempt: `held ${revision} ${hold.at}`, held: true };
      });
      const ids = new Set(held.map(({ stackId }) => stackId));
      return [...desired.filter(({ stackId }) => !ids.has(stackId)), ...held];
    },
  };
}

// What it had adopted is its own for as long as it is held, wanted or not.
function adoptedOnce(
  { stackId }: LocalHold,
  departed: readonly AdoptedContainers[],
): Pick<StoredStack, "adopted" | "probes" | "recreateVolumes"> {
  const adopted = departed.flatMap((left) => (left.stackId === stackId ? left.containerIds : []));
  return adopted.length === 0 ? {} : { adopted };
}
