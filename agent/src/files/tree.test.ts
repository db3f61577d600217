import type { ComposeModel } from "@windflow/core";
import { StackBody, type StackFile } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { stackBody } from "../testing/stack-body.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { mountedTrees } from "./own-mounts.ts";
import { resolvePath, treeOf } from "./tree.ts";

type File = Partial<StackFile> & Pick<StackFile, "path">;
const manifestOf = (...files: readonly File[]): Manifest => readManifest(StackBody.decode(stackBody({ files })));
const text = (path: string, content = path, over: Partial<StackFile> = {}): File => ({
  path: `/stack/${path}`,
  content: Buffer.from(content),
  ...over,
});

test("a folder's tree has everything below it, with plain folders where nobody described any", () => {
  const manifest = manifestOf(text("conf/a/b"), text("conf-other"), {
    path: "/stack/conf",
    folder: true,
    mode: 0o700,
    uid: 1,
  });
  const tree = treeOf(manifest, "stk_1", "conf");
  expect(tree?.base).toBe("conf");
  expect(tree?.entries.map(({ path, kind, mode, uid }) => [path, kind, mode.toString(8), uid])).toEqual([
    ["", "folder", "700", 1],
    ["a", "folder", "755", 0],
    ["a/b", "file", "644", 0],
  ]);
  expect(treeOf(manifest, "stk_1", "")?.entries.map(({ path }) => path)).toEqual([
    "",
    "conf",
    "conf-other",
    "conf/a",
    "conf/a/b",
  ]);
  expect(treeOf(manifest, "stk_1", "conf-other")?.entries).toMatchObject([{ path: "", kind: "file" }]);
  expect(treeOf(manifest, "stk_1", "con")).toBeUndefined();
  expect(treeOf(manifestOf(), "stk_1", "")).toBeUndefined();
});

test("the digest changes with all that a container could see, with the stack and with the path, and with nothing else", () => {
  const digest = (...files: readonly File[]): string | undefined =>
    treeOf(manifestOf(...files), "stk_1", "conf")?.digest;
  const plain = digest(text("conf/a", "one"));
  expect(digest(text("elsewhere"), text("conf/a", "one"))).toBe(plain);
  expect(digest({ path: "/stack/conf", folder: true, mode: 0o755 }, text("conf/a", "one"))).toBe(plain);
  const others = [
    digest(text("conf/a", "two")),
    digest(text("conf/b", "one")),
    digest(text("conf/a", "one", { mode: 0o600 })),
    digest(text("conf/a", "one", { uid: 1 })),
    digest(text("conf/a", "one", { gid: 1 })),
    digest(text("conf/a", "one"), { path: "/stack/conf/empty", folder: true, mode: 0o755 }),
    digest({ path: "/stack/conf/a", linkTarget: "b" }),
    treeOf(manifestOf(text("conf/a", "one")), "stk_2", "conf")?.digest,
    treeOf(manifestOf(text("other/a", "one")), "stk_1", "other")?.digest,
  ];
  expect(new Set([plain, ...others]).size).toBe(others.length + 1);
});

test("more mounts than a host can be asked for are refused", () => {
  const manifest = manifestOf(...Array.from({ length: 1_001 }, (_unused, i) => text(`f${i}`)));
  const mounting = (sources: readonly string[]): Parameters<typeof mountedTrees>[1] => ({
    stackId: "stk_1",
    stackName: "shop",
    workingDirectory: "/w",
    model: {
      name: "shop",
      services: { web: { volumes: sources.map((source, i) => ({ type: "bind", source, target: `/${i}` })) } },
    } as unknown as ComposeModel,
  });
  const names = [...manifest.keys()].map((name) => `/w/${name}`);
  expect(() => mountedTrees(manifest, mounting(names))).toThrow(/1001 of its own files are mounted/);
  const round = Array.from({ length: 250 }, (_unused, i) => ({ path: `/stack/l${i}`, linkTarget: "." }));
  const whole = manifestOf(...Array.from({ length: 1_000 }, (_unused, i) => text(`f${i}`)), ...round);
  expect(() => mountedTrees(whole, mounting(round.map(({ path }) => path.replace("/stack", "/w"))))).toThrow(
    /more than 200000/,
  );
});

test("a mounted link is followed in the manifest, never on the host", () => {
  const manifest = manifestOf(
    text("releases/2/app.conf"),
    { path: "/stack/current", linkTarget: "releases/2" },
    { path: "/stack/conf", linkTarget: "current/app.conf" },
    { path: "/stack/round", linkTarget: "about" },
    { path: "/stack/about", linkTarget: "round" },
    { path: "/stack/up/back", linkTarget: "../current/app.conf" },
  );
  expect(treeOf(manifest, "stk_1", "conf")?.entries).toMatchObject([{ path: "", kind: "file" }]);
  expect(resolvePath(manifest, "current/app.conf")).toBe("releases/2/app.conf");
  expect(resolvePath(manifest, "up/back")).toBe("releases/2/app.conf");
  expect(resolvePath(manifest, "round")).toBeUndefined();
  expect(treeOf(manifest, "stk_1", "round")).toBeUndefined();
  expect(resolvePath(manifest, "../etc/passwd")).toBeUndefined();
});

test("links with as many names as a body holds are gone through at once", () => {
  const target = (i: number): string => `${"./".repeat(500)}${i + 1}`;
  const links = Array.from({ length: 5_000 }, (_unused, i) => ({ path: `/stack/${i}`, linkTarget: target(i) }));
  const manifest = manifestOf(...links, text("5000"));
  const before = performance.now();
  for (const path of manifest.keys()) resolvePath(manifest, path);
  expect(performance.now() - before).toBeLessThan(2_000);
  expect(resolvePath(manifest, "4999")).toBeUndefined();
  expect(resolvePath(manifest, "5000")).toBe("5000");
});
