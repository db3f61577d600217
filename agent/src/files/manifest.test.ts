import { StackBody, type StackFile } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { stackBody } from "../testing/stack-body.ts";
import { readManifest } from "./manifest.ts";

type File = Partial<StackFile> & Pick<StackFile, "path">;
const read = (...files: readonly File[]): ReturnType<typeof readManifest> =>
  readManifest(StackBody.decode(stackBody({ files })));
const content = Buffer.from("x");
const DIGEST = `sha256:${"a".repeat(64)}`;

test("what a body names is read by its path below the stack's folder; what lies elsewhere is never written", () => {
  const manifest = read(
    { path: "/stack/conf", folder: true, mode: 0o750 },
    { path: "/stack/conf/app", content, mode: 0o640, uid: 5, gid: 6 },
    { path: "/stack/conf/up", linkTarget: "../large" },
    { path: "/stack/large", digest: DIGEST, sizeBytes: 70_000n },
    { path: "/home/me/app/secret", content },
  );
  expect([...manifest.keys()]).toEqual(["conf", "conf/app", "conf/up", "large"]);
  expect(manifest.get("conf/app")).toMatchObject({ kind: "file", mode: 0o640, uid: 5, gid: 6, sizeBytes: 1 });
  expect(manifest.get("large")).toMatchObject({ kind: "file", digest: DIGEST, sizeBytes: 70_000 });
  expect(manifest.get("conf/up")).toMatchObject({ kind: "link", linkTarget: "../large" });
});

test.each<[string, readonly File[]]>([
  ["a path that climbs out", [{ path: "/stack/../etc/passwd", content }]],
  ["a path that climbs and comes back", [{ path: "/stack/a/../b", content }]],
  ["a relative path", [{ path: "etc/passwd", content }]],
  ["a path with a zero byte", [{ path: "/stack/a\0b", content }]],
  ["an empty name", [{ path: "/stack//a", content }]],
  ["a name that is too long", [{ path: `/stack/${"a".repeat(256)}`, content }]],
  ["a path that is too long", [{ path: `/stack/${"abcdefgh/".repeat(400)}a`, content }]],
  ["a path that is too deep", [{ path: `/stack/${"a/".repeat(64)}a`, content }]],
  ["an absolute link", [{ path: "/stack/a", linkTarget: "/etc/shadow" }]],
  ["a link out of the folder", [{ path: "/stack/a/b", linkTarget: "../../etc/shadow" }]],
  ["a link that goes up behind a name", [{ path: "/stack/a/b", linkTarget: "../x/../y" }]],
  ["a link out by a detour", [{ path: "/stack/a", linkTarget: "x/../../etc" }]],
  [
    "a file below a link",
    [
      { path: "/stack/a", linkTarget: "b" },
      { path: "/stack/a/passwd", content },
    ],
  ],
  [
    "a file below a file",
    [
      { path: "/stack/a", content },
      { path: "/stack/a/b/c", content },
    ],
  ],
  [
    "a path twice",
    [
      { path: "/stack/a", content },
      { path: "/stack/a", content: Buffer.from("y") },
    ],
  ],
  ["a folder with a content", [{ path: "/stack/a", folder: true, content }]],
  ["a link that is a folder", [{ path: "/stack/a", folder: true, linkTarget: "b" }]],
  ["a mode that is none", [{ path: "/stack/a", content, mode: 0o100644 }]],
  ["the owner that chown leaves alone", [{ path: "/stack/a", content, uid: 0xff_ff_ff_ff }]],
  ["a digest that is none", [{ path: "/stack/a", digest: "sha256:../../etc", sizeBytes: 3n }]],
  ["a content of another digest", [{ path: "/stack/a", content, digest: DIGEST }]],
  ["a file of two GiB", [{ path: "/stack/a", digest: DIGEST, sizeBytes: 2n ** 31n }]],
  ["too many", Array.from({ length: 20_001 }, (_unused, i) => ({ path: `/stack/${i}`, content }))],
])("%s is refused", (_what, files) => {
  expect(() => read(...files)).toThrow(expect.objectContaining({ code: "WF_BODY_INVALID" }) as Error);
});

test("a project that is no folder's name is refused", () => {
  for (const project of ["../etc", ".trees", "a/b", "", "A"]) {
    const body = { ...StackBody.decode(stackBody({})), project };
    expect(() => readManifest(body)).toThrow(/is no name of a project/);
  }
});
