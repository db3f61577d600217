export type DiffLineKind = "added" | "removed" | "same" | "place";
export interface DiffLine {
  kind: DiffLineKind;
  text: string;
  /** Line numbers before and after; undefined where there is none. */
  before: number | undefined;
  after: number | undefined;
}
const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** The lines of a unified diff with their numbers; its file headers are left out. */
export function diffLines(unified: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 1;
  let after = 1;
  let inHunk = false;
  for (const line of unified.replace(/\n$/, "").split("\n")) {
    const hunk = HUNK.exec(line);
    if (hunk !== null) {
      inHunk = true;
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      lines.push({ kind: "place", text: line, before: undefined, after: undefined });
    } else if (!inHunk || line.startsWith("\\")) continue;
    else if (line.startsWith("+"))
      lines.push({ kind: "added", text: line.slice(1), before: undefined, after: after++ });
    else if (line.startsWith("-"))
      lines.push({ kind: "removed", text: line.slice(1), before: before++, after: undefined });
    else lines.push({ kind: "same", text: line.slice(1), before: before++, after: after++ });
  }
  return lines;
}
