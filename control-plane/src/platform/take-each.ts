/**
 * Takes one item after the other, each when the one before is done. As `for await`, which keeps the last item in its hands while it waits
 * for the next one: of ten thousand sessions that is the last batch of each, and every batch would live long enough to be dear to throw away.
 * @param take a promise where there is something to wait for; false, or a promise of it: no more is taken
 */
export function takeEach<Item>(
  items: AsyncIterable<Item>,
  take: (item: Item) => Promise<unknown> | boolean,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  const { promise, resolve, reject } = Promise.withResolvers<void>();

  // Its clean-up is waited for, as `for await` does.
  function leave(tell: () => void): void {
    Promise.resolve(iterator.return?.()).then(tell, tell);
  }
  const failed = (error: unknown): void => leave(() => reject(error));
  const taken = (goesOn: unknown): void => (goesOn === false ? leave(resolve) : ask());

  function came(result: IteratorResult<Item>): void {
    if (result.done === true) return resolve();
    try {
      const done = take(result.value);
      if (typeof done === "boolean") taken(done);
      else done.then(taken, failed);
    } catch (error) {
      failed(error);
    }
  }

  function ask(): void {
    iterator.next().then(came, reject);
  }

  ask();
  return promise;
}
