import fc from "fast-check";
import { expect, test } from "vitest";
import { unifiedHunks } from "./diff-lines.ts";

const plenty = (): { left: number } => ({ left: 1_000_000 });
const text = (...lines: string[]): string => lines.map((line) => `${line}\n`).join("");

test("changed lines are shown with three lines around them; changes that are near are one hunk", () => {
  const before = text("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n");
  const after = text("a", "b", "c", "d", "E", "f", "g", "h", "i", "j", "k", "new", "l", "m", "n");
  expect(unifiedHunks(before, after, plenty())).toBe(
    "@@ -2,13 +2,14 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n i\n j\n k\n+new\n l\n m\n n\n",
  );
  const far = text(..."abcdefghijklmnop");
  expect(unifiedHunks(far, far.replace("b\n", "B\n").replace("o\n", ""), plenty())).toBe(
    "@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -12,5 +12,4 @@\n l\n m\n n\n-o\n p\n",
  );
});

test("empty texts and last lines without an end are as other tools write them", () => {
  expect(unifiedHunks("", "", plenty())).toBe("");
  expect(unifiedHunks("", "a\nb\n", plenty())).toBe("@@ -0,0 +1,2 @@\n+a\n+b\n");
  expect(unifiedHunks("a\n", "", plenty())).toBe("@@ -1 +0,0 @@\n-a\n");
  const mark = "\\ No newline at end of file";
  expect(unifiedHunks("a\nb", "a\nb\n", plenty())).toBe(`@@ -1,2 +1,2 @@\n a\n-b\n${mark}\n+b\n`);
});

const line = fc.constantFrom("a", "b", "c", "d");
const made = fc.tuple(fc.array(line, { maxLength: 40 }), fc.boolean()).map(([lines, ends]) => {
  const joined = lines.join("\n");
  return ends && joined !== "" ? `${joined}\n` : joined;
});

/** What the diff makes of the text, by its own words: throws where its context is not what is there. */
function applied(from: string, hunks: string): string {
  const before = from === "" ? [] : from.split(/(?<=\n)/);
  const after: string[] = [];
  let at = 0;
  for (const hunk of hunks.split(/^(?=@@ )/m).filter((one) => one !== "")) {
    const [header = "", ...rest] = hunk.split(/(?<=\n)/);
    const [, start = "0", count = "1"] = /^@@ -(\d+)(?:,(\d+))? /.exec(header) ?? [];
    const first = Number(count) === 0 ? Number(start) : Number(start) - 1;
    after.push(...before.slice(at, first));
    at = first;
    for (const [i, one] of rest.entries()) {
      if (one.startsWith("\\")) continue;
      const content = rest[i + 1]?.startsWith("\\") === true ? one.slice(1, -1) : one.slice(1);
      if (!one.startsWith("+")) expect(before[at++]).toBe(content);
      if (!one.startsWith("-")) after.push(content);
    }
  }
  return [...after, ...before.slice(at)].join("");
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const one of a) {
    const next = [0];
    for (const [j, other] of b.entries())
      next.push(one === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return row.at(-1) ?? 0;
}

test("applied to the one text it gives the other, whatever the budget; with enough of it no shorter one exists", () => {
  fc.assert(
    fc.property(made, made, fc.constantFrom(0, 5, 1_000_000), (from, to, left) => {
      const hunks = unifiedHunks(from, to, { left });
      expect(applied(from, hunks)).toBe(to);
      if (left < 1_000_000) return;
      const changed = hunks.split("\n").filter((one) => /^[+-]/.test(one)).length;
      const [before, after] = [from, to].map((one) => (one === "" ? [] : one.split(/(?<=\n)/)));
      const common = longestCommon(before ?? [], after ?? []);
      expect(changed).toBe((before?.length ?? 0) + (after?.length ?? 0) - 2 * common);
    }),
    { numRuns: 3000 },
  );
});

test("hostile texts cost no more than the budget", () => {
  const budget = { left: 2_000_000 };
  const before = "a\nb\n".repeat(20_000);
  const after = "b\nc\na\n".repeat(15_000);
  expect(applied(before, unifiedHunks(before, after, budget))).toBe(after);
  expect(budget.left).toBeGreaterThan(-1_000_000);
});
