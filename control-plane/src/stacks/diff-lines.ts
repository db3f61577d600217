/** How much comparing may still cost, in looks at two lines; shared by all texts of one question. */
export interface DiffBudget {
  left: number;
}

/** A stretch of lines: kept on both sides, or taken away and put there. */
interface Edit {
  readonly kind: "keep" | "remove" | "add";
  readonly count: number;
}

// As every tool shows it.
const CONTEXT_LINES = 3;
// More changed lines than this are no longer compared line by line: the whole stretch is shown as taken away and put there.
const MOST_EDITS = 1_000;
const NO_NEWLINE = "\\ No newline at end of file";

/**
 * The unified diff of two texts, without a header; empty when they are equal. It is a right one whatever the budget, and the shortest
 * one while the budget lasts.
 */
export function unifiedHunks(from: string, to: string, budget: DiffBudget): string {
  if (from === to) return "";
  const [before, after] = [linesOf(from), linesOf(to)];
  const hunks = hunksOf(editsOf(before, after, budget));
  return hunks.map((hunk) => hunkText(hunk, before, after)).join("");
}

/** With their line ends: a last line without one is another line. */
function linesOf(text: string): string[] {
  const lines = text.split(/(?<=\n)/);
  return text === "" ? [] : lines;
}

function editsOf(before: readonly string[], after: readonly string[], budget: DiffBudget): Edit[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const [a, b] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  const middle = shortestEdits(a, b, budget) ?? [
    { kind: "remove", count: a.length } as const,
    { kind: "add", count: b.length } as const,
  ];
  return [{ kind: "keep", count: head } as const, ...middle, { kind: "keep", count: tail } as const].filter(
    ({ count }) => count > 0,
  );
}

/** Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy form. Undefined when it would cost too much. */
function shortestEdits(a: readonly string[], b: readonly string[], budget: DiffBudget): Edit[] | undefined {
  if (a.length === 0 || b.length === 0) return undefined;
  const most = Math.min(MOST_EDITS, a.length + b.length);
  // farthest[k]: how far along `a` the paths on the diagonal k (x - y) reach; one copy for each number of edits.
  let farthest = new Int32Array([0, 0, 0]);
  const rounds: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    rounds.push(farthest);
    const next = new Int32Array(2 * d + 5);
    for (let k = -d; k <= d; k += 2) {
      let x = startOf(farthest, d, k);
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x++;
        y++;
        budget.left--;
      }
      budget.left--;
      if (x >= a.length && y >= b.length) return walkBack(rounds, a.length, b.length);
      next[k + d + 2] = x;
    }
    if (budget.left <= 0) return undefined;
    farthest = next;
  }
  return undefined;
}

/** Where the round of d edits begins on the diagonal k: below or to the right of what the round before reached there. */
function startOf(before: Int32Array, d: number, k: number): number {
  if (d === 0) return 0;
  return comesFromAbove(before, d, k) ? at(before, d, k + 1) : at(before, d, k - 1) + 1;
}

function comesFromAbove(before: Int32Array, d: number, k: number): boolean {
  return k === -d || (k !== d && at(before, d, k - 1) < at(before, d, k + 1));
}

function at(before: Int32Array, d: number, k: number): number {
  // The round of d - 1 edits keeps its diagonals from -(d - 1) - 2 on.
  return before[k + d + 1] ?? 0;
}

function walkBack(rounds: readonly Int32Array[], aLength: number, bLength: number): Edit[] {
  const edits: Edit[] = [];
  const put = (kind: Edit["kind"], count: number): void => {
    const last = edits.at(-1);
    if (count === 0) return;
    if (last?.kind === kind) edits[edits.length - 1] = { kind, count: last.count + count };
    else edits.push({ kind, count });
  };
  let [x, y] = [aLength, bLength];
  for (let d = rounds.length - 1; d > 0; d--) {
    const before = rounds[d] ?? new Int32Array();
    const k = x - y;
    const isAdded = comesFromAbove(before, d, k);
    const start = startOf(before, d, k);
    put("keep", x - start);
    put(isAdded ? "add" : "remove", 1);
    x = isAdded ? start : start - 1;
    y = x - (isAdded ? k + 1 : k - 1);
  }
  put("keep", x);
  return edits.toReversed();
}

interface Hunk {
  readonly fromLine: number;
  readonly toLine: number;
  readonly edits: Edit[];
}

/** Edits with their context; those that are near to each other are one hunk. Lines count from 0. */
function hunksOf(edits: readonly Edit[]): Hunk[] {
  const hunks: Hunk[] = [];
  let [x, y] = [0, 0];
  edits.forEach((edit, i) => {
    const { kind, count } = edit;
    const last = hunks.at(-1);
    if (kind !== "keep") {
      if (last === undefined) hunks.push({ fromLine: x, toLine: y, edits: [edit] });
      else last.edits.push(edit);
    } else if (last !== undefined && i < edits.length - 1 && count <= 2 * CONTEXT_LINES) last.edits.push(edit);
    else {
      last?.edits.push({ kind, count: Math.min(count, CONTEXT_LINES) });
      const context = Math.min(count, CONTEXT_LINES);
      if (i < edits.length - 1)
        hunks.push({
          fromLine: x + count - context,
          toLine: y + count - context,
          edits: [{ kind, count: context }],
        });
    }
    if (kind !== "add") x += count;
    if (kind !== "remove") y += count;
  });
  return hunks;
}

function hunkText({ fromLine, toLine, edits }: Hunk, before: readonly string[], after: readonly string[]): string {
  const count = (...kinds: Edit["kind"][]): number =>
    edits.reduce((sum, edit) => sum + (kinds.includes(edit.kind) ? edit.count : 0), 0);
  const lines: string[] = [];
  let [x, y] = [fromLine, toLine];
  for (const { kind, count: many } of edits) {
    const shown = kind === "add" ? after.slice(y, y + many) : before.slice(x, x + many);
    const mark = kind === "keep" ? " " : kind === "add" ? "+" : "-";
    for (const line of shown) lines.push(`${mark}${line.endsWith("\n") ? line : `${line}\n${NO_NEWLINE}\n`}`);
    if (kind !== "add") x += many;
    if (kind !== "remove") y += many;
  }
  const range = (line: number, many: number): string =>
    `${many === 0 ? line : line + 1}${many === 1 ? "" : `,${many}`}`;
  const ranges = `-${range(fromLine, count("keep", "remove"))} +${range(toLine, count("keep", "add"))}`;
  return `@@ ${ranges} @@\n${lines.join("")}`;
}
