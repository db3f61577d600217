import type { FileDiff, ImageDiff, RevisionDiff, VariableDiff } from "@windflow/proto/api";
import { unifiedHunks, type DiffBudget } from "./diff-lines.ts";
import type { SourceFile, StackSource, StackVariable } from "./model.ts";

/** A revision as far as it is compared. */
export interface ComparedRevision {
  readonly source: StackSource;
  readonly bodyDigest: string;
  /** The effective model as YAML, with references instead of secrets. */
  readonly model: string;
  /** Image reference of its services → the digest that it is pinned to; empty when each host finds it out. */
  readonly images: Readonly<Record<string, string>>;
}

/** A larger text is only said to have changed: nobody reads the rest of such a diff. */
export const LARGEST_COMPARED_BYTES = 1_048_576;
// All texts of an answer together; what comes after them is only said to have changed.
const MOST_SHOWN_BYTES = 2_097_152;
// About a tenth of a second on one core: nobody else is served meanwhile.
const MOST_COMPARING = 5_000_000;

/** Bounds shared by all texts of one answer. */
interface Room extends DiffBudget {
  bytes: number;
}

/** What differs between two revisions of a stack. The values of variables are in no part of it, but where a file of the source has them. */
export function diffRevisions(from: ComparedRevision, to: ComparedRevision): RevisionDiff {
  const room: Room = { left: MOST_COMPARING, bytes: MOST_SHOWN_BYTES };
  const model =
    from.model === to.model ? "" : unified({ from: "model.yaml", to: "model.yaml" }, from.model, to.model, room);
  return {
    model,
    files: fileDiffs(from.source, to.source, room),
    variables: variableDiffs(from.source.variables, to.source.variables),
    images: imageDiffs(from.images, to.images),
    sameBody: from.bodyDigest === to.bodyDigest,
  };
}

type Entry = { readonly text: string } | { readonly file: SourceFile };

function fileDiffs(from: StackSource, to: StackSource, room: Room): FileDiff[] {
  const [before, after] = [entriesOf(from), entriesOf(to)];
  return unionOf(before.keys(), after.keys()).flatMap((path): FileDiff[] => {
    const [old, next] = [before.get(path), after.get(path)];
    if (isSame(old, next)) return [];
    const change = changeOf(old, next);
    const isText = (old === undefined || "text" in old) && (next === undefined || "text" in next);
    if (!isText) return [{ path, change, unified: "" }];
    const names = { from: old === undefined ? undefined : path, to: next === undefined ? undefined : path };
    return [{ path, change, unified: unified(names, old?.text ?? "", next?.text ?? "", room) }];
  });
}

function entriesOf({ files, attachments }: StackSource): Map<string, Entry> {
  return new Map<string, Entry>([
    ...Object.entries(files).map(([path, text]): [string, Entry] => [path, { text }]),
    ...attachments.map((file): [string, Entry] => [file.path, { file }]),
  ]);
}

function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if ("text" in a) return "text" in b && a.text === b.text;
  if ("text" in b) return false;
  const keys: (keyof SourceFile)[] = ["digest", "mode", "uid", "gid", "linkTarget", "folder"];
  return keys.every((key) => a.file[key] === b.file[key]);
}

function variableDiffs(from: readonly StackVariable[], to: readonly StackVariable[]): VariableDiff[] {
  const [before, after] = [from, to].map((list) => new Map(list.map((variable) => [variable.name, variable])));
  return unionOf(before?.keys() ?? [], after?.keys() ?? []).flatMap((name): VariableDiff[] => {
    const [old, next] = [before?.get(name), after?.get(name)];
    const isEqual =
      old !== undefined &&
      next !== undefined &&
      old.secret === next.secret &&
      // The text of a secret is not here: the revision that it came with says whether it is another.
      (old.secret ? old.version === next.version : old.value === next.value);
    return isEqual
      ? []
      : [{ name, change: changeOf(old, next), secret: old?.secret === true || next?.secret === true }];
  });
}

function imageDiffs(from: ComparedRevision["images"], to: ComparedRevision["images"]): ImageDiff[] {
  return unionOf(Object.keys(from), Object.keys(to)).flatMap((reference): ImageDiff[] => {
    const isInBoth = Object.hasOwn(from, reference) && Object.hasOwn(to, reference);
    const [fromDigest, toDigest] = [from[reference] ?? "", to[reference] ?? ""];
    return isInBoth && fromDigest === toDigest ? [] : [{ reference, fromDigest, toDigest }];
  });
}

/** Empty when a text is too large, when one has no text in it, or when there is no room left. */
function unified(
  names: { readonly from: string | undefined; readonly to: string | undefined },
  from: string,
  to: string,
  room: Room,
): string {
  if (Math.max(from.length, to.length) > LARGEST_COMPARED_BYTES || from.includes("\0") || to.includes("\0")) return "";
  const header = `--- ${nameOf("a", names.from)}\n+++ ${nameOf("b", names.to)}\n`;
  const diff = `${header}${unifiedHunks(from, to, room)}`;
  const size = Buffer.byteLength(diff);
  if (size > room.bytes) return "";
  room.bytes -= size;
  return diff;
}

function nameOf(side: "a" | "b", path: string | undefined): string {
  return path === undefined ? "/dev/null" : `${side}/${path}`;
}

function changeOf(before: unknown, after: unknown): string {
  if (before === undefined) return "added";
  return after === undefined ? "removed" : "changed";
}

/** By code unit, the same everywhere. */
function unionOf(a: Iterable<string>, b: Iterable<string>): string[] {
  return [...new Set([...a, ...b])].toSorted((x, y) => (x < y ? -1 : x > y ? 1 : 0));
}
