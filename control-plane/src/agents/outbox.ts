/** A bounded queue between those who have something to say and one transport that takes it in its own time. */
export interface Outbox<Item> {
  /** False when the queue is full or closed: the item was not taken. */
  push(item: Item): boolean;
  /** Drops what waits, says one last thing and ends. */
  endWith(last?: Item): void;
  /** The items in order, as `asSent` makes them when they are taken; ends after `endWith`. For one reader. */
  items<Sent>(asSent: (item: Item) => Sent): AsyncIterable<Sent>;
  readonly bytes: number;
}

export function createOutbox<Item>(
  limits: { items: number; bytes: number },
  sizeOf: (item: Item) => number,
): Outbox<Item> {
  let queue: { item: Item; size: number }[] = [];
  let bytes = 0;
  let ended = false;
  let wake: (() => void) | undefined;

  function add(item: Item, size: number): void {
    queue.push({ item, size });
    bytes += size;
    wake?.();
  }

  // By hand and not a generator, as in api/streams.ts: each session waits here for as long as it lasts.
  async function next<Sent>(asSent: (item: Item) => Sent): Promise<IteratorResult<Sent>> {
    for (;;) {
      const head = queue.shift();
      if (head !== undefined) {
        bytes -= head.size;
        return { done: false, value: asSent(head.item) };
      }
      if (ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    push: (item) => {
      const size = sizeOf(item);
      if (ended || queue.length >= limits.items || bytes + size > limits.bytes) return false;
      add(item, size);
      return true;
    },
    endWith: (last) => {
      if (ended) return;
      ended = true;
      queue = [];
      bytes = 0;
      if (last !== undefined) add(last, sizeOf(last));
      wake?.();
    },
    items: (asSent) => ({ [Symbol.asyncIterator]: () => ({ next: () => next(asSent) }) }),
    get bytes() {
      return bytes;
    },
  };
}
