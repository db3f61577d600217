import type { Stack } from "../stacks/index.ts";

/** What has to be looked at again, gathered until there is time for it. */
export interface KeeperWork {
  /** Every stack, against every host. */
  readonly everything: boolean;
  /** Every stack that chooses some of the hosts: for these it matters who is reached. */
  readonly picky: boolean;
  /** Every stack, against these hosts. */
  readonly hostIds: ReadonlySet<string>;
  /** These stacks, against every host. */
  readonly stackIds: ReadonlySet<string>;
  /** Of these, what was tried before is tried again. */
  readonly again: ReadonlySet<string>;
}

/** What a look found. */
export interface LookedAt {
  /** Stacks that have to be put right. */
  readonly misplaced: readonly string[];
  /** Stacks that lack something. */
  readonly short: ReadonlySet<string>;
  /** When time alone may change the answer, milliseconds since 1970. */
  readonly wakeAt?: number;
}

/** A stack to look at; without host ids against all of them. */
export interface KeeperTask {
  readonly stack: Stack;
  readonly hostIds?: ReadonlySet<string>;
}

export function noWork(): KeeperWork {
  return { everything: false, picky: false, hostIds: new Set(), stackIds: new Set(), again: new Set() };
}

export function addWork(work: KeeperWork, more: Partial<KeeperWork>): KeeperWork {
  return {
    everything: work.everything || more.everything === true,
    picky: work.picky || more.picky === true,
    hostIds: new Set([...work.hostIds, ...(more.hostIds ?? [])]),
    stackIds: new Set([...work.stackIds, ...(more.stackIds ?? [])]),
    again: new Set([...work.again, ...(more.again ?? [])]),
  };
}

export function isIdle({ everything, picky, hostIds, stackIds }: KeeperWork): boolean {
  return !everything && !picky && hostIds.size === 0 && stackIds.size === 0;
}

/** @param short stacks that lack something: of these every host is looked at, since that is what may end it */
export function stacksToLookAt(stacks: readonly Stack[], work: KeeperWork, short: ReadonlySet<string>): KeeperTask[] {
  return stacks.flatMap((stack): KeeperTask[] => {
    if (work.everything || work.stackIds.has(stack.id)) return [{ stack }];
    const isPicky = stack.placement.strategy !== "all";
    if (isPicky && (work.picky || work.hostIds.size > 0)) return [{ stack }];
    if (isPicky || work.hostIds.size === 0) return [];
    // With `all` each host is decided alone.
    return short.has(stack.id) ? [{ stack }] : [{ stack, hostIds: work.hostIds }];
  });
}
