/** A bounded queue between those who have something to say and one transport that takes it in its own time. */
export interface Outbox<Item> {
  /** False when the queue is full or closed: the item was not taken. */
  push(item: Item): boolean;
  /** Drops what waits, says one last thing and ends. */
  endWith(last?: Item): void;
  /**
   * The items in order, as `asSent` makes them when they are taken; ends after `endWith`, or when the reader leaves. For one reader.
   * @param atEnd done once, before the reader is told of the end
   */
  items<Sent>(asSent: (item: Item) => Sent, atEnd?: () => Promise<void>): AsyncIterator<Sent> & AsyncIterable<Sent>;
  readonly bytes: number;
}

export function createOutbox<Item>(
  limits: { items: number; bytes: number },
  sizeOf: (item: Item) => number,
): Outbox<Item> {
  let queue: Item[] = [];
  let bytes = 0;
  let ended = false;
  // The reader, while it waits for the next item or the end.
  let wake: (() => void) | undefined;

  function add(item: Item): void {
    queue.push(item);
    bytes += sizeOf(item);
    wake?.();
  }

  function take<Sent>(asSent: (item: Item) => Sent): IteratorYieldResult<Sent> {
    const item = queue.shift() as Item;
    bytes -= sizeOf(item);
    return { done: false, value: asSent(item) };
  }

  return {
    push: (item) => {
      if (ended || queue.length >= limits.items || bytes + sizeOf(item) > limits.bytes) return false;
      add(item);
      return true;
    },
    endWith: (last) => {
      if (ended) return;
      ended = true;
      queue = [];
      bytes = 0;
      if (last === undefined) wake?.();
      else add(last);
    },
    // By hand and not a generator, with one promise for each wait: ten thousand sessions wait here for as long as they last, and what a
    // wait keeps is thrown away with each message.
    items: <Sent>(asSent: (item: Item) => Sent, atEnd: () => Promise<void> = async () => undefined) => {
      let ending: Promise<IteratorReturnResult<undefined>> | undefined;
      const end = (): Promise<IteratorReturnResult<undefined>> =>
        // Not at once: what it does may end the queue and wake the reader, who then asks for this same end.
        (ending ??= Promise.resolve()
          .then(atEnd)
          .then(() => ({ done: true, value: undefined })));
      const iterator: AsyncIterator<Sent> & AsyncIterable<Sent> = {
        next: () => {
          if (queue.length > 0) return Promise.resolve(take(asSent));
          if (ended) return end();
          return new Promise((resolve) => {
            wake = () => {
              wake = undefined;
              resolve(queue.length > 0 ? take(asSent) : end());
            };
          });
        },
        return: end,
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
    get bytes() {
      return bytes;
    },
  };
}
