/** Hands items from a producer to one reader, one at a time: the producer waits until each was taken. */
export interface OutputQueue<Item> {
  /** Resolves when the reader has taken it. */
  push(item: Item): Promise<void>;
  /** The last item. */
  end(item: Item): void;
  fail(error: unknown): void;
  items(): AsyncGenerator<Item>;
}

export function createOutputQueue<Item>(): OutputQueue<Item> {
  const queue: { item: Item; taken: () => void }[] = [];
  let over: { error?: unknown } | undefined;
  let left = false;
  let wake: () => void = () => undefined;
  return {
    push: (item) =>
      new Promise((taken) => {
        if (left) return taken();
        queue.push({ item, taken });
        wake();
      }),
    end: (item) => {
      queue.push({ item, taken: () => undefined });
      over = {};
      wake();
    },
    fail: (error) => {
      over = { error };
      wake();
    },
    items: async function* () {
      try {
        for (;;) {
          const next = queue[0];
          if (next !== undefined) {
            yield next.item;
            queue.shift();
            next.taken();
          } else if (over !== undefined) {
            if ("error" in over) throw over.error;
            return;
          } else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        // A reader that left must not hold the producer for ever, now or later.
        left = true;
        for (const { taken } of queue) taken();
      }
    },
  };
}
