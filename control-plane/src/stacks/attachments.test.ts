import { expect, test } from "vitest";
import { attachmentViolations, MAX_SOURCE_BYTES, storageViolations } from "./attachments.ts";
import type { SourceFile, StackSource } from "./model.ts";
import { RELATIVE_PATH_RULE } from "./source-paths.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const file = (path: string, more: Partial<SourceFile> = {}): SourceFile => ({
  path,
  digest: DIGEST,
  mode: 0,
  uid: 0,
  gid: 0,
  linkTarget: "",
  folder: false,
  ...more,
});
const link = (path: string, linkTarget: string): SourceFile => file(path, { digest: "", linkTarget });
const source = (attachments: SourceFile[], files: Record<string, string> = { "compose.yaml": "" }): StackSource => ({
  files,
  composeFiles: [],
  variables: [],
  profiles: [],
  attachments,
});
const faultsOf = (...attachments: SourceFile[]): string[] =>
  attachmentViolations(source(attachments)).map(({ message }) => message);

test("files, links inside and folders are fine, with modes and owners", () => {
  expect(
    faultsOf(
      file("static/logo.png", { mode: 0o600, uid: 101, gid: 101 }),
      file("data", { digest: "", folder: true, mode: 0o2775 }),
      link("static/current", "../data"),
      link("latest", "static/logo.png"),
    ),
  ).toEqual([]);
});

test("paths and links never leave the stack's folder", () => {
  for (const path of ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\\b", "a\0b", "", "é".repeat(128)]) {
    expect(faultsOf(file(path))).toEqual([`${path}: ${RELATIVE_PATH_RULE}`]);
  }
  for (const target of ["/etc/passwd", "..", "../x", "a/../../x", "a\\b", "../../stack/x", "a/../b", "./a/.."]) {
    expect(faultsOf(link("here", target))).toEqual(["here: its link leads out of the stack's folder"]);
  }
  expect(faultsOf(link("a/b/here", "../../c"))).toEqual([]);
});

test("as many deep paths as a request holds are gone through at once", () => {
  const deep = "a/".repeat(63);
  expect(faultsOf(file(`${deep}b`))).toEqual([]);
  expect(faultsOf(file(`${deep}b/c`))).toEqual([`${deep}b/c: ${RELATIVE_PATH_RULE}`]);
  const before = performance.now();
  expect(faultsOf(...Array.from({ length: 10_000 }, (_, i) => file(`${"a/".repeat(500)}${i}`)))).toHaveLength(10_000);
  expect(faultsOf(...Array.from({ length: 10_000 }, (_, i) => file(`${deep}${i}`)))).toEqual([]);
  expect(performance.now() - before).toBeLessThan(2_000);
});

test("an entry is one kind of thing, once, and nothing is below a file or a link", () => {
  const kinds = "it is either a file with a digest, a link with a target, or a folder";
  expect(faultsOf(file("a", { digest: "" }))).toEqual([`a: ${kinds}`]);
  expect(faultsOf(file("a", { folder: true }))).toEqual([`a: ${kinds}`]);
  expect(faultsOf(file("a", { linkTarget: "b" }))).toEqual([`a: ${kinds}`]);
  expect(faultsOf(file("a"), file("a"))).toEqual(["a: there is another file of that path"]);
  expect(faultsOf(file("compose.yaml"))).toEqual(["compose.yaml: there is another file of that path"]);
  expect(faultsOf(link("a", "b"), file("a/c"))).toEqual(["a/c is below a, which is not a folder"]);
  expect(faultsOf(file("compose.yaml/x"))).toEqual(["compose.yaml/x is below compose.yaml, which is not a folder"]);
  expect(attachmentViolations(source([file("a")], { "a/b": "" })).map(({ message }) => message)).toEqual([
    "a/b is below a, which is not a folder",
  ]);
});

test("nothing that could become root on a host's disk travels", () => {
  expect(faultsOf(file("a", { mode: 0o4755 }))).toEqual(["a: set-user-id and set-group-id bits do not travel"]);
  expect(faultsOf(file("a", { mode: 0o2755 }))).toEqual(["a: set-user-id and set-group-id bits do not travel"]);
  expect(faultsOf(file("a", { uid: 0xffffffff }))).toEqual(["a: 4294967295 is no owner"]);
});

test("contents have to be stored, and are bounded in total", () => {
  const two = source([file("a"), file("b")]);
  expect(storageViolations(two, new Map())).toEqual([
    { path: "source.attachments[0].digest", message: `a (${DIGEST}) is not stored whole: upload it first` },
    { path: "source.attachments[1].digest", message: `b (${DIGEST}) is not stored whole: upload it first` },
  ]);
  expect(storageViolations(two, new Map([[DIGEST, MAX_SOURCE_BYTES / 2]]))).toEqual([]);
  expect(storageViolations(two, new Map([[DIGEST, MAX_SOURCE_BYTES]]))).toMatchObject([{ path: "source.attachments" }]);
});

test("no more files travel than hosts take", () => {
  const many = Array.from({ length: 19_998 }, (_, i) => file(`f${i}`));
  expect(faultsOf(...many)).toEqual([]);
  expect(faultsOf(...many, file("one"))).toEqual(["there are 20000 files, and at most 19999 travel"]);
});
