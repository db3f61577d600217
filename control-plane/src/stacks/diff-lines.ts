import { structuredPatch } from "diff";

/** How much comparing may still cost, in looks at two lines; shared by all texts of one question. */
export interface DiffBudget {
  left: number;
}

// As every tool shows it.
const CONTEXT_LINES = 3;
// More changed lines than this are not compared line by line: the whole text is shown as taken away and put there. Finding d
// changes costs about d² looks.
const MOST_EDITS = 1_000;

/**
 * The unified diff of two texts, without a header; empty when they are equal. It is a right one whatever the budget, and the shortest
 * one while the budget lasts.
 */
export function unifiedHunks(from: string, to: string, budget: DiffBudget): string {
  if (from === to) return "";
  const maxEditLength = Math.min(MOST_EDITS, Math.floor(Math.sqrt(Math.max(0, budget.left))));
  const patch = structuredPatch("", "", from, to, "", "", { context: CONTEXT_LINES, maxEditLength });
  if (patch === undefined) {
    budget.left -= maxEditLength ** 2;
    return wholeHunk(from, to);
  }
  const edits = patch.hunks.flatMap(({ lines }) => lines).filter((line) => /^[-+]/.test(line)).length;
  budget.left -= edits ** 2;
  return patch.hunks
    .map(({ oldStart, oldLines, newStart, newLines, lines }) => {
      return `@@ -${place(oldStart, oldLines)} +${place(newStart, newLines)} @@\n${lines.map((line) => `${line}\n`).join("")}`;
    })
    .join("");
}

/** As `diff -u` writes it: nothing is after the line before, one line needs no count. */
function place(start: number, count: number): string {
  if (count === 0) return `${start - 1},0`;
  return count === 1 ? String(start) : `${start},${count}`;
}

function wholeHunk(from: string, to: string): string {
  const before = marked(from, "-");
  const after = marked(to, "+");
  return `@@ -${place(1, before.count)} +${place(1, after.count)} @@\n${before.text}${after.text}`;
}

function marked(text: string, mark: "-" | "+"): { count: number; text: string } {
  if (text === "") return { count: 0, text: "" };
  const lines = text.replace(/\n$/, "").split("\n");
  const end = text.endsWith("\n") ? "" : "\\ No newline at end of file\n";
  return { count: lines.length, text: `${lines.map((line) => `${mark}${line}\n`).join("")}${end}` };
}
