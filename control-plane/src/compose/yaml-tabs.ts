import { type Document, isCollection, isMap, isScalar, isSeq, type Node as YamlNode, type Range, Scalar } from "yaml";
import type { Position } from "./problem.ts";

/** A value of the file that has no parts, or a whole bracketed collection. */
interface Span {
  readonly kind: "plain" | "quoted" | "block" | "flow";
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
  /** Column (from zero) of the key or dash that it belongs to; -1 at the top. */
  readonly indent: number;
}

interface ReadText {
  readonly text: string;
  readonly documents: readonly Document[];
  readonly positions: { readonly at: (offset: number) => Position };
}

// A tab among the blanks that begin a line, or behind a dash that begins an item.
const LEADING_TABS = /^ *\t|^[ ]*(?:- +)*- *\t/gm;

/**
 * Where a tab stands that docker compose does not take for white space: anywhere among the blanks that begin a line of a block, even
 * an empty one. Tabs within quotes, in brackets and behind the indentation of a longer text are white space to it.
 * @returns the offset of the first such tab
 */
export function misplacedTab({ text, documents, positions }: ReadText): number | undefined {
  const found = [...text.matchAll(LEADING_TABS)].map(({ index, 0: { length } }) => index + length - 1);
  if (found.length === 0) return undefined;
  const spans = documents.flatMap(({ contents }) => (contents === null ? [] : spansOf(contents as YamlNode, text)));
  const leaves = spans.filter(({ kind }) => kind !== "flow").toSorted((a, b) => a.start - b.start);
  const flows = spans.filter(({ kind }) => kind === "flow");
  return found.find((offset) => isMisplaced(offset, positions.at(offset).column - 1, text, leaves, flows));
}

function isMisplaced(
  offset: number,
  column: number,
  text: string,
  leaves: readonly Span[],
  flows: readonly Span[],
): boolean {
  const leaf = lastBefore(leaves, offset);
  if (leaf?.kind === "quoted" && offset < leaf.end) return false;
  if (leaf?.kind === "block" && (offset < leaf.end || text.slice(leaf.end, offset).trim() === "")) {
    return column < blockIndent(text, leaf, offset);
  }
  // A longer text ends where something else begins, so the blank lines behind it still belong to it.
  if (leaf?.kind === "plain" && (offset < leaf.end || text.slice(leaf.end, offset).trim() === "")) {
    return column <= leaf.indent;
  }
  return !flows.some(({ start, end }) => start < offset && offset < end);
}

function lastBefore(leaves: readonly Span[], offset: number): Span | undefined {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((leaves[middle]?.start ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return leaves[low - 1];
}

/** Columns that each line of a block text is indented by; endless before the first line that has something on it. */
function blockIndent(text: string, { start, indent }: Span, offset: number): number {
  const lines = text.slice(start, offset + 1).split("\n");
  const explicit = /^[|>][-+]?([1-9])/.exec(lines[0] ?? "")?.[1];
  if (explicit !== undefined) return Math.max(indent, 0) + Number(explicit);
  const first = lines.slice(1).find((line) => /^ *[^ \t\r]/.test(line));
  return first === undefined ? Infinity : first.length - first.trimStart().length;
}

function spansOf(root: YamlNode, text: string): Span[] {
  const spans: Span[] = [];
  const columnAt = (offset: number): number => offset - (text.lastIndexOf("\n", offset - 1) + 1);
  const visit = (node: unknown, indent: number): void => {
    if (isScalar(node)) {
      const { range, type } = node;
      if (range !== null && range !== undefined && range[1] > range[0]) spans.push(leafSpan(range, type, indent));
      return;
    }
    if (!isCollection(node)) return;
    const { range, flow } = node;
    if (flow === true && range !== null && range !== undefined) {
      spans.push({ kind: "flow", start: range[0], end: range[1], indent });
    }
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const at = (key as YamlNode | null)?.range?.[0];
        const own = flow === true || at === undefined ? indent : columnAt(at);
        visit(key, own);
        visit(value, own);
      }
    } else if (isSeq(node)) {
      const own = flow === true ? indent : columnAt(range?.[0] ?? 0);
      for (const item of node.items) visit(item, own);
    }
  };
  visit(root, -1);
  return spans;
}

function leafSpan([start, end]: Range, type: Scalar["type"], indent: number): Span {
  if (type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE) return { kind: "quoted", start, end, indent };
  const block = type === Scalar.BLOCK_FOLDED || type === Scalar.BLOCK_LITERAL;
  return { kind: block ? "block" : "plain", start, end, indent };
}
