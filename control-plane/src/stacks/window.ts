/**
 * The results of `work` for each item, in their order. At most `limit` are under way at a time: the next begins as soon as
 * any one has ended, so that a slow one holds up nobody but itself. The first failure is thrown.
 */
export async function inWindow<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const entries = items.entries();
  const lanes = Array.from({ length: Math.min(limit, items.length) }, async () => {
    // One iterator for all lanes: each item is taken once.
    for (const [index, item] of entries) results[index] = await work(item);
  });
  await Promise.all(lanes);
  return results;
}
