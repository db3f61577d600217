import type { Readable } from "node:stream";

/**
 * The items of `source` until the signal aborts; then the reader gets the signal's reason as an error, even while the
 * source is waiting. The source's own clean-up is started and not waited for: it may hang on what was aborted.
 */
export function until<Item>(source: AsyncIterable<Item>, signal: AbortSignal): AsyncIterable<Item> {
  return { [Symbol.asyncIterator]: () => untilAborted(source[Symbol.asyncIterator](), signal) };
}

// By hand and not a generator: ten thousand sessions wait in one each, and what a generator keeps for a wait is thrown away with each message.
function untilAborted<Item>(iterator: AsyncIterator<Item>, signal: AbortSignal): AsyncIterator<Item> {
  // One promise a round: reactions on a promise that lives as long as the stream would pile up with every item.
  let fail: ((reason: unknown) => void) | undefined;
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", onAbort);
    iterator.return?.().catch(() => undefined);
  };
  const onAbort = (): void => {
    fail?.(signal.reason);
    finish();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    next: async () => {
      if (signal.aborted) {
        finish();
        throw signal.reason;
      }
      if (over) return { done: true, value: undefined };
      try {
        const next = await new Promise<IteratorResult<Item>>((resolve, reject) => {
          fail = reject;
          iterator.next().then(resolve, reject);
        });
        if (next.done === true) finish();
        return next;
      } catch (error) {
        finish();
        throw error;
      }
    },
    return: () => {
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

/**
 * What a stream brings, for one reader who asks for one item after the other, and no faster than he takes it; whoever leaves before its end reads no more of it.
 * By hand and not the stream's own iterator, which keeps a generator and nine listeners for each of ten thousand that wait.
 */
export function itemsOf<Item>(stream: Readable): AsyncIterable<Item> {
  return { [Symbol.asyncIterator]: () => itemsRead<Item>(stream) };
}

function itemsRead<Item>(stream: Readable): AsyncIterator<Item> {
  const queue: Item[] = [];
  // The result of each `next`, until the one after it. A promise that has waited for seconds is old, and what it is resolved with lives until
  // the next collection of old objects: that would be every batch that comes, and it is not in here any more then.
  let current: Item | undefined;
  const given: IteratorYieldResult<Item> = {
    done: false,
    get value() {
      return current as Item;
    },
  };
  let waiting: PromiseWithResolvers<IteratorResult<Item>> | undefined;
  let end: { readonly error?: unknown } | undefined;
  const answer = (): void => {
    if (waiting === undefined || end === undefined) return;
    if ("error" in end) waiting.reject(end.error);
    else waiting.resolve({ done: true, value: undefined });
    waiting = undefined;
  };
  const onData = (item: Item): void => {
    if (waiting === undefined) {
      queue.push(item);
      stream.pause();
      return;
    }
    const { resolve } = waiting;
    waiting = undefined;
    current = item;
    resolve(given);
  };
  const finish = (how: { readonly error?: unknown }): void => {
    end ??= how;
    answer();
  };
  stream.on("data", onData);
  stream.once("end", () => finish({}));
  stream.once("close", () => finish({}));
  stream.once("error", (error: unknown) => finish({ error }));
  return {
    next: () => {
      current = queue.shift();
      if (current !== undefined) return Promise.resolve(given);
      waiting = Promise.withResolvers();
      const { promise } = waiting;
      answer();
      if (end === undefined && stream.isPaused()) stream.resume();
      return promise;
    },
    return: () => {
      end = {};
      stream.off("data", onData);
      stream.pause();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

/** The promise's value, or the signal's reason as an error if that comes first. */
export async function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  aborted.promise.catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The first item, and an iterable that has it again followed by the rest. */
export async function peekFirst<Item>(
  source: AsyncIterable<Item>,
): Promise<{ first: Item | undefined; all: AsyncIterable<Item> }> {
  const iterator = source[Symbol.asyncIterator]();
  const head = await iterator.next();
  async function* all(): AsyncGenerator<Item> {
    try {
      if (head.done === true) return;
      yield head.value;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { first: head.done === true ? undefined : head.value, all: all() };
}
