import { expect, test } from "vitest";
import { diffRevisions, LARGEST_COMPARED_BYTES, type ComparedRevision } from "./diff.ts";
import type { SourceFile, StackSource } from "./model.ts";

const revision = (source: Partial<StackSource>, over: Partial<ComparedRevision> = {}): ComparedRevision => ({
  source: { files: {}, composeFiles: [], variables: [], profiles: [], attachments: [], ...source },
  bodyDigest: "sha256:1",
  model: "",
  images: {},
  ...over,
});
const attachment = (path: string, over: Partial<SourceFile> = {}): SourceFile => ({
  path,
  digest: "sha256:a",
  mode: 0,
  uid: 0,
  gid: 0,
  linkTarget: "",
  folder: false,
  ...over,
});

test("files are added, removed and changed; what is not text is only said to have changed", () => {
  const from = revision({
    files: { "compose.yaml": "a\nb\n", "old.env": "X=1\n", "same.txt": "same\n", "turned.txt": "text\n" },
    attachments: [attachment("logo.png"), attachment("run.sh"), attachment("kept.bin")],
  });
  const to = revision({
    files: { "compose.yaml": "a\nc\n", "new.env": "X=2\n", "same.txt": "same\n", "zeros.txt": "a\0b" },
    attachments: [
      attachment("logo.png", { digest: "sha256:b" }),
      attachment("run.sh", { mode: 0o755 }),
      attachment("kept.bin"),
      attachment("turned.txt"),
    ],
  });
  expect(diffRevisions(from, to).files).toEqual([
    {
      path: "compose.yaml",
      change: "changed",
      unified: "--- a/compose.yaml\n+++ b/compose.yaml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
    },
    { path: "logo.png", change: "changed", unified: "" },
    { path: "new.env", change: "added", unified: "--- /dev/null\n+++ b/new.env\n@@ -0,0 +1 @@\n+X=2\n" },
    { path: "old.env", change: "removed", unified: "--- a/old.env\n+++ /dev/null\n@@ -1 +0,0 @@\n-X=1\n" },
    { path: "run.sh", change: "changed", unified: "" },
    { path: "turned.txt", change: "changed", unified: "" },
    { path: "zeros.txt", change: "added", unified: "" },
  ]);
});

test("variables are named and never shown; a secret is another when it came with another revision", () => {
  const secret = (name: string, version: number) => ({ name, value: "", secret: true, version });
  const from = revision({
    variables: [
      { name: "TAG", value: "hunter1", secret: false },
      { name: "SAME", value: "x", secret: false },
      { name: "GONE", value: "hunter2", secret: false },
      secret("TOKEN", 1),
      secret("KEPT", 1),
      { name: "HIDDEN", value: "hunter3", secret: false },
    ],
  });
  const to = revision({
    variables: [
      { name: "TAG", value: "hunter4", secret: false },
      { name: "SAME", value: "x", secret: false },
      secret("TOKEN", 2),
      secret("KEPT", 1),
      secret("HIDDEN", 2),
    ],
  });
  const diff = diffRevisions(from, to);
  expect(diff.variables).toEqual([
    { name: "GONE", change: "removed", secret: false },
    { name: "HIDDEN", change: "changed", secret: true },
    { name: "TAG", change: "changed", secret: false },
    { name: "TOKEN", change: "changed", secret: true },
  ]);
  expect(JSON.stringify(diff)).not.toContain("hunter");
});

test("images that come, go or are pinned to other bytes; equal revisions differ in nothing", () => {
  const images = { "web:1": "sha256:a", "db:1": "sha256:b", "old:1": "" };
  const from = revision({}, { images, model: "services:\n  web: 1\n" });
  const to = revision(
    {},
    {
      images: { "web:1": "sha256:c", "db:1": "sha256:b", "new:1": "sha256:d" },
      model: "services:\n  web: 2\n",
      bodyDigest: "sha256:2",
    },
  );
  expect(diffRevisions(from, to)).toEqual({
    files: [],
    variables: [],
    sameBody: false,
    model: "--- a/model.yaml\n+++ b/model.yaml\n@@ -1,2 +1,2 @@\n services:\n-  web: 1\n+  web: 2\n",
    images: [
      { reference: "new:1", fromDigest: "", toDigest: "sha256:d" },
      { reference: "old:1", fromDigest: "", toDigest: "" },
      { reference: "web:1", fromDigest: "sha256:a", toDigest: "sha256:c" },
    ],
  });
  expect(diffRevisions(from, from)).toEqual({ files: [], variables: [], images: [], model: "", sameBody: true });
});

test("what is too large, or too much, is only said to have changed", () => {
  const large = "x\n".repeat(LARGEST_COMPARED_BYTES / 2 + 1);
  const from = revision({ files: { "large.txt": "y\n" } });
  const to = revision({ files: { "large.txt": large } });
  expect(diffRevisions(from, to).files).toEqual([{ path: "large.txt", change: "changed", unified: "" }]);
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`${i}.txt`, "0123456789\n".repeat(40_000)]));
  const shown = diffRevisions(revision({}), revision({ files: many })).files;
  expect(shown.map(({ change }) => change)).toEqual(Array<string>(10).fill("added"));
  expect(shown.filter(({ unified }) => unified !== "").length).toBe(4);
});
