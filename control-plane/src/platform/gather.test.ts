import { expect, test } from "vitest";
import { createGathering } from "./gather.ts";

interface Asked {
  line: string;
  key: string;
}
const asked = (line: string, key: string): Asked => ({ line, key });

function recorded(
  limit: number,
  isOnesFault?: (error: unknown) => boolean,
): { gather: (item: Asked) => Promise<string>; pieces: string[] } {
  const pieces: string[] = [];
  const gather = createGathering<Asked, string>({
    lineOf: (item) => item.line,
    keyOf: (item) => item.key,
    limit,
    ...(isOnesFault === undefined ? {} : { isOnesFault }),
    work: async (line, items) => {
      pieces.push(`${line}: ${items.map((item) => item.key).join(" ")}`);
      await new Promise((resolve) => setImmediate(resolve));
      if (items.some((item) => item.key === "bad")) throw new Error("refused");
      return items.map((item) => `${line}-${item.key}`);
    },
  });
  return { gather, pieces };
}

test("what comes while a piece is under way goes together into the next one, each line for itself", async () => {
  const { gather, pieces } = recorded(10);
  const first = gather(asked("one", "a"));
  await Promise.resolve();
  const answers = [first, ...["b", "c"].map((key) => gather(asked("one", key))), gather(asked("two", "d"))];
  expect(await Promise.all(answers)).toEqual(["one-a", "one-b", "one-c", "two-d"]);
  expect(pieces).toEqual(["one: a", "two: d", "one: b c"]);
  expect(await gather(asked("one", "e"))).toBe("one-e");
});

test("a piece has as many as the limit, and a key once", async () => {
  const { gather, pieces } = recorded(2);
  await Promise.all(["a", "b", "c", "d", "e", "e"].map((key) => gather(asked("one", key))));
  expect(pieces).toEqual(["one: a b", "one: c d", "one: e", "one: e"]);
});

test("a piece weighs no more than the limit, unless one alone does", async () => {
  const pieces: string[] = [];
  const gather = createGathering<number, number>({
    lineOf: () => "one",
    keyOf: (item) => String(item),
    limit: 10,
    weight: { of: (item) => item, limit: 10 },
    work: async (_line, items) => {
      pieces.push(items.join(" "));
      await new Promise((resolve) => setImmediate(resolve));
      return items;
    },
  });
  await Promise.all([1, 4, 6, 5, 20, 2, 3].map(gather));
  expect(pieces).toEqual(["1 4", "6", "5", "20", "2 3"]);
});

test("a piece that fails fails its own items; the line goes on", async () => {
  const { gather } = recorded(10);
  const answers = await Promise.allSettled(["a", "bad", "c", "d"].map((key) => gather(asked("one", key))));
  expect(answers.map((answer) => answer.status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
  expect(await gather(asked("one", "f"))).toBe("one-f");
});

test("where one may be at fault, each of a piece that failed is tried alone", async () => {
  const { gather, pieces } = recorded(10, () => true);
  const answers = await Promise.allSettled(["a", "b", "bad", "c"].map((key) => gather(asked("one", key))));
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(pieces).toEqual(["one: a b bad c", "one: a", "one: b", "one: bad", "one: c"]);
});

test("who lingers has more to work on at once, and goes on early when there is enough", async () => {
  const pieces: number[] = [];
  const lingering = (ms: number): ((item: string) => Promise<string>) =>
    createGathering<string, string>({
      lineOf: () => "one",
      keyOf: (item) => item,
      limit: 10,
      linger: { ms, enough: 3 },
      work: async (_line, items) => {
        pieces.push(items.length);
        return items;
      },
    });
  const short = lingering(50);
  const first = short("a");
  await new Promise((resolve) => setImmediate(resolve));
  expect(await Promise.all([first, short("b")])).toEqual(["a", "b"]);
  // Would outlast the test.
  await Promise.all(["c", "d", "e"].map(lingering(3_600_000)));
  expect(pieces).toEqual([2, 3]);
});

test("one that comes alone does not linger; those that come meanwhile do, if there are enough of them", async () => {
  const pieces: number[] = [];
  const working = Promise.withResolvers<void>();
  const gather = createGathering<string, string>({
    lineOf: () => "one",
    keyOf: (item) => item,
    limit: 10,
    // Would outlast the test.
    linger: { ms: 3_600_000, enough: 3, least: 2 },
    work: async (_line, items) => {
      pieces.push(items.length);
      if (items.includes("a")) await working.promise;
      return items;
    },
  });
  expect(await gather("alone")).toBe("alone");
  const all = [gather("a")];
  await new Promise((resolve) => setImmediate(resolve));
  all.push(gather("b"), gather("c"));
  working.resolve();
  await all[0];
  all.push(gather("d"));
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
  expect(pieces).toEqual([1, 1, 3]);
});

test("after a large piece it lingers longer", async () => {
  const pieces: number[] = [];
  const gather = createGathering<string, string>({
    lineOf: () => "one",
    keyOf: (item) => item,
    limit: 10,
    // Without what the first piece was, the second would outlast the test.
    linger: { ms: 3_600_000, enough: 3, after: { items: 3, ms: 1 } },
    work: async (_line, items) => {
      if (pieces.push(items.length) === 1) second = gather("d");
      return items;
    },
  });
  let second: Promise<string> | undefined;
  await Promise.all(["a", "b", "c"].map(gather));
  expect(await second).toBe("d");
  expect(pieces).toEqual([3, 1]);
});
