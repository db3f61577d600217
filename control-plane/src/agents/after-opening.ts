/**
 * Items of what has to be opened before the first of them can be asked for; for one reader, who asks for one after the other. As a
 * generator that opens and then gives what is in it, which takes three promises for each item.
 */
export function afterOpening<Item>(open: () => Promise<AsyncIterator<Item>>): AsyncIterable<Item> {
  let opening: Promise<AsyncIterator<Item>> | undefined;
  let opened: AsyncIterator<Item> | undefined;

  async function first(): Promise<IteratorResult<Item>> {
    opened = await (opening = open());
    return opened.next();
  }

  async function left(): Promise<IteratorResult<Item>> {
    // Also where the reader leaves meanwhile: what is open by then must be closed.
    const iterator = await opening?.catch(() => undefined);
    await iterator?.return?.();
    return { done: true, value: undefined };
  }

  return { [Symbol.asyncIterator]: () => ({ next: () => opened?.next() ?? first(), return: left }) };
}
