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

test("the first is worked on at once, what comes meanwhile together, each line for itself", async () => {
  const { gather, pieces } = recorded(10);
  const answers = ["a", "b", "c"].map((key) => gather(asked("one", key)));
  answers.push(gather(asked("two", "d")));
  expect(await Promise.all(answers)).toEqual(["one-a", "one-b", "one-c", "two-d"]);
  expect(pieces).toEqual(["one: a", "two: d", "one: b c"]);
  expect(await gather(asked("one", "e"))).toBe("one-e");
});

test("a piece has as many as the limit, and a key once", async () => {
  const { gather, pieces } = recorded(2);
  await Promise.all(["a", "b", "c", "d", "e", "e"].map((key) => gather(asked("one", key))));
  expect(pieces).toEqual(["one: a", "one: b c", "one: d e", "one: e"]);
});

test("a piece that fails fails its own items; the line goes on", async () => {
  const { gather } = recorded(10);
  const answers = await Promise.allSettled(["a", "bad", "c", "d"].map((key) => gather(asked("one", key))));
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
  expect(await gather(asked("one", "f"))).toBe("one-f");
});

test("where one may be at fault, each of a piece that failed is tried alone", async () => {
  const { gather, pieces } = recorded(10, () => true);
  const answers = await Promise.allSettled(["a", "b", "bad", "c"].map((key) => gather(asked("one", key))));
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(pieces).toEqual(["one: a", "one: b bad c", "one: b", "one: bad", "one: c"]);
});
