/** Work that costs as much for many as for one: what comes while a piece is under way goes together into the next one. */
export interface GatherOptions<Item, Result> {
  /** What may be worked on together. */
  readonly lineOf: (item: Item) => string;
  /** Two items of one key are never in the same piece of work. */
  readonly keyOf: (item: Item) => string;
  /** Items of one piece of work, at most: it is to stay short for a lock that somebody waits for. */
  readonly limit: number;
  /** What the items of one piece weigh together, at most; one that weighs more than that is alone. Absent: it does not matter. */
  readonly weight?: { readonly of: (item: Item) => number; readonly limit: number };
  /**
   * Before each piece of work, so long is waited for more items, unless there are `enough`, or fewer than `least`: one that comes
   * alone does not wait. `after` a piece of so many items, so long instead. Absent: not at all.
   */
  readonly linger?: {
    readonly ms: number;
    readonly enough: number;
    readonly least?: number;
    readonly after?: { readonly items: number; readonly ms: number };
  };
  /** Results in the order of the items. What it throws rejects all of them, … */
  readonly work: (line: string, items: readonly Item[]) => Promise<readonly Result[]>;
  /** … unless this says that one of them may be at fault: then each is worked on alone, and the others do not suffer for it. */
  readonly isOnesFault?: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface Line<Item, Result> {
  readonly waiting: Waiting<Item, Result>[];
  /** Items of the last piece of work. */
  worked: number;
  onEnough: (() => void) | undefined;
}

/** One piece of work at a time for each line, in the order in which the items came. */
export function createGathering<Item, Result>(options: GatherOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { lineOf, keyOf, limit, weight, linger, work, isOnesFault } = options;
  const lines = new Map<string, Line<Item, Result>>();

  async function workOff(name: string, line: Line<Item, Result>): Promise<void> {
    while (line.waiting.length > 0) {
      await lingered(line);
      const group = next(line.waiting);
      line.worked = group.length;
      await workOn(name, group);
    }
    lines.delete(name);
  }

  async function lingered(line: Line<Item, Result>): Promise<void> {
    if (linger === undefined || line.waiting.length >= linger.enough) return;
    if (line.waiting.length < (linger.least ?? 1)) return;
    await new Promise<void>((resolve) => {
      const { after } = linger;
      const isLong = after !== undefined && line.worked >= after.items;
      const timer = setTimeout(resolve, isLong ? after.ms : linger.ms);
      line.onEnough = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    line.onEnough = undefined;
  }

  function next(waiting: Waiting<Item, Result>[]): Waiting<Item, Result>[] {
    const keys = new Set<string>();
    let count = 0;
    let weighs = 0;
    for (const { item } of waiting) {
      if (count === limit || keys.has(keyOf(item))) break;
      if (weight !== undefined) {
        weighs += weight.of(item);
        if (count > 0 && weighs > weight.limit) break;
      }
      keys.add(keyOf(item));
      count++;
    }
    return waiting.splice(0, count);
  }

  async function workOn(name: string, group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await work(
        name,
        group.map(({ item }) => item),
      );
      // One result for each item is what `work` promises; the index is within both.
      group.forEach(({ resolve }, index) => resolve(results[index] as Result));
    } catch (error) {
      if (group.length > 1 && isOnesFault?.(error) === true) {
        for (const one of group) await workOn(name, [one]);
        return;
      }
      for (const { reject } of group) reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      const name = lineOf(item);
      const line = lines.get(name);
      if (line !== undefined) {
        line.waiting.push({ item, resolve, reject });
        if (line.waiting.length === linger?.enough) line.onEnough?.();
        return;
      }
      const own = { waiting: [{ item, resolve, reject }], worked: 0, onEnough: undefined };
      lines.set(name, own);
      workOff(name, own).catch(reject);
    });
}
