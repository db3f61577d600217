import { expect, test } from "vitest";
import { SourceTree, type Attachment } from "./source-tree.ts";

const file: Attachment = { kind: "file", sizeBytes: 1, linkTarget: "" };
const folder: Attachment = { ...file, kind: "folder" };
const link = (linkTarget: string): Attachment => ({ kind: "link", sizeBytes: 0, linkTarget });
const tree = new SourceTree(
  ["/stack/compose.yaml", "/stack/conf/site.conf"],
  new Map([
    ["/stack/empty", folder],
    ["/stack/static/logo.png", file],
    ["/stack/current", link("static")],
    ["/stack/conf/logo", link("../current/logo.png")],
    ["/stack/a", link("b")],
    ["/stack/b", link("a")],
  ]),
);

test("folders are there by what is in them, links are followed on the whole way", () => {
  expect(["", "/conf", "/conf/site.conf", "/empty", "/static"].map((path) => tree.kindOf(`/stack${path}`))).toEqual([
    "folder",
    "folder",
    "file",
    "folder",
    "folder",
  ]);
  expect(tree.follow("/stack/conf/logo")).toBe("/stack/static/logo.png");
  expect(tree.kindOf("/stack/current")).toBe("folder");
  expect(tree.kindOf("/stack/conf/logo")).toBe("file");
  expect(tree.linkIn("/stack/current/logo.png")).toBe("/stack/current");
});

test("what is not there is nothing, and links that lead round and round end", () => {
  expect(tree.kindOf("/stack/con")).toBeUndefined();
  expect(tree.kindOf("/stack-evil")).toBeUndefined();
  expect(tree.kindOf("/stack/current/gone")).toBeUndefined();
  expect(tree.kindOf("/stack/a")).toBeUndefined();
});
