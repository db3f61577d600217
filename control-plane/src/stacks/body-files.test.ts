import { EMPTY_FILE } from "../files/index.ts";
import type { ComposeModel, ComposeService } from "@windflow/core";
import { expect, test } from "vitest";
import { bodyFiles, stackFiles } from "./body-files.ts";
import type { Draft } from "./drafts.ts";
import type { SourceFile, StackSource } from "./model.ts";
import { sourceFiles } from "./source-files.ts";
import { testStack } from "./testing/stack.ts";

const BIG = `sha256:${"b".repeat(64)}`;
const SMALL = `sha256:${"c".repeat(64)}`;
const sizes = new Map([
  [BIG, 1_000_000],
  [SMALL, 3],
]);
const file = (path: string, digest: string, more: Partial<SourceFile> = {}): SourceFile => {
  return { path, digest, mode: 0, uid: 0, gid: 0, linkTarget: "", folder: false, ...more };
};
const draft = (files: Record<string, string>, attachments: SourceFile[], textsRead: string[] = []): Draft => {
  const source: StackSource = { files, composeFiles: [], variables: [], profiles: [], attachments };
  const travelling = sourceFiles(source, "/stack", sizes);
  return { stack: testStack, number: 1, source, secrets: new Map(), files: travelling, problems: [], textsRead };
};
const model = (sources: string[], configs: ComposeModel["configs"] = {}): ComposeModel => {
  const volumes = sources.map((source) => ({ type: "bind" as const, source, target: "/x" }));
  const web: ComposeService = { command: null, entrypoint: null, image: "web", volumes };
  return { name: "shop", services: { web }, configs };
};
const ATTACHED = [
  file("static/logo.png", BIG, { mode: 0o640, uid: 101 }),
  file("static/now", "", { linkTarget: "logo.png" }),
  file("static-evil/x", SMALL),
  file("context/main.go", SMALL),
  file("cache", "", { folder: true }),
  file("web.env", SMALL),
];

test("what is mounted travels with its modes and owners, with the source; a build's context does not", () => {
  const found = bodyFiles(
    draft({ "compose.yaml": "x" }, ATTACHED, ["web.env"]),
    model(["/stack/static", "/stack/cache"]),
    "/stack",
  );
  expect(found.composeFiles).toEqual(["/stack/compose.yaml"]);
  expect(found.files.map(({ kind, path, mode, uid }) => `${kind} ${path} ${mode.toString(8)} ${uid}`)).toEqual([
    "file /stack/.env 644 0",
    "folder /stack/cache 755 0",
    "file /stack/compose.yaml 644 0",
    "file /stack/static/logo.png 640 101",
    "link /stack/static/now 777 0",
    "file /stack/web.env 644 0",
  ]);
});

test("a long source does not travel for docker compose's sake; a config that is a file does", () => {
  const long = { "compose.yaml": "x".repeat(1_100_000), "conf/a.conf": "a" };
  const found = bodyFiles(
    draft(long, ATTACHED),
    model(["/stack/conf"], { c: { name: "c", file: "/stack/static/logo.png" } }),
    "/stack",
  );
  expect(found.composeFiles).toEqual([]);
  expect(found.files.map(({ path }) => path)).toEqual(["/stack/conf/a.conf", "/stack/static/logo.png"]);
});

test("small contents come along, others are named by their digests, and the body stays small", () => {
  const texts = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`f${i}`, `${i}`.repeat(30_000)]));
  const { files } = draft({ ...texts, empty: "" }, ATTACHED);
  const encoded = stackFiles(files, new Map([[SMALL, Buffer.from("abc")]]));
  const total = encoded.reduce((sum, { content }) => sum + content.length, 0);
  expect(total).toBeGreaterThan(3_900_000);
  expect(total).toBeLessThanOrEqual(4 * 1024 * 1024);
  const described = (path: string): string => {
    const one = encoded.find((entry) => entry.path === `/stack/${path}`);
    return `${one?.content.length} ${one?.digest} ${one?.sizeBytes}`;
  };
  expect(described("context/main.go")).toBe("3  3");
  expect(described("static/logo.png")).toBe(`0 ${BIG} 1000000`);
  expect(described("static/now")).toBe("0  0");
  expect(described("empty")).toBe("0  0");
  expect(described("empty")).not.toContain(EMPTY_FILE);
});
