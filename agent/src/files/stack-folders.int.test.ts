import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lackOfRoom } from "./room.ts";
import { type FoldersFixture, containerWith, foldersFixture, text } from "./testing/stack-folder-fixture.ts";

let folder: string;
let fixture: FoldersFixture;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-folders-"));
  fixture = foldersFixture(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const trees = (): string[] => readdirSync(join(fixture.root, ".trees"));
const kept = (): string[] => readdirSync(join(fixture.root, ".kept"));
const bindOf = async (stack: Parameters<FoldersFixture["folders"]["binds"]>[0], path: string): Promise<string> => {
  const binds = await fixture.folders.binds(stack, "web");
  return binds[path === "" ? fixture.root + "/shop" : `${fixture.root}/shop/${path}`] ?? "";
};

test("a tree is what the revision has: bytes, modes, owners, links, empty folders", async () => {
  const stack = fixture.desire(
    [
      text("conf/run", "#!", { mode: 0o4755, uid: 12, gid: 34 }),
      { path: "/stack/conf/closed", folder: true, mode: 0o500, uid: 12, gid: 34 },
      text("conf/closed/file", "x", { mode: 0o400 }),
      { path: "/stack/conf/link", linkTarget: "closed/file", uid: 5, gid: 6 },
      { path: "/stack/conf/dangling", linkTarget: "../elsewhere" },
    ],
    [{ path: "conf" }],
  );
  const place = await bindOf(stack, "conf");
  const shown = (path: string): string => {
    const { mode, uid, gid } = lstatSync(join(place, path));
    return `${(mode & 0o7777).toString(8)} ${uid} ${gid}`;
  };
  expect(["", "run", "closed", "closed/file"].map(shown)).toEqual(["755 0 0", "4755 12 34", "500 12 34", "400 0 0"]);
  expect(readlinkSync(join(place, "link"))).toBe("closed/file");
  expect(readlinkSync(join(place, "dangling"))).toBe("../elsewhere");
  expect([lstatSync(join(place, "link")).uid, lstatSync(join(place, "link")).gid]).toEqual([5, 6]);
  expect(lstatSync(fixture.root).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(fixture.root, ".new"))).toEqual([]);
});

test("links that a container left lead nobody out of its tree: not a comparison, not a removal, not a new tree", async () => {
  const outside = join(folder, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "precious"), "precious");
  const stack = fixture.desire([text("data/a", "a")], [{ path: "data", writable: true }]);
  const place = await bindOf(stack, "data");
  rmSync(join(place, "a"));
  symlinkSync(join(outside, "precious"), join(place, "a"));
  symlinkSync(outside, join(place, "folder"));
  fixture.world = { ...fixture.world, stacks: [] };
  await fixture.folders.settle(fixture.world, []);
  expect(trees()).toEqual([]);
  expect(kept()).toHaveLength(1);
  const again = fixture.desire([text("data/a", "a")], [{ path: "data", writable: true }]);
  expect(readFileSync(join(await bindOf(again, "data"), "a"), "utf8")).toBe("a");
  expect(readFileSync(join(outside, "precious"), "utf8")).toBe("precious");
  expect(readdirSync(outside)).toEqual(["precious"]);
});

test("what nobody needs goes; what a container mounts stays, and what was changed is kept and told", async () => {
  const first = fixture.desire([text("a", "1"), text("b", "1")], [{ path: "a" }, { path: "b", writable: true }]);
  const [a, b] = [await bindOf(first, "a"), await bindOf(first, "b")];
  appendFileSync(b, "changed");
  const second = fixture.desire([text("a", "2"), text("b", "2")], [{ path: "a" }, { path: "b" }]);
  await bindOf(second, "a");
  await fixture.folders.settle(fixture.world, undefined);
  await fixture.folders.settle(fixture.world, [containerWith("c1", [a, b])]);
  expect(existsSync(a) && existsSync(b)).toBe(true);
  await fixture.folders.settle(fixture.world, []);
  expect(existsSync(a) || existsSync(b)).toBe(false);
  expect(fixture.events).toHaveLength(1);
  expect(fixture.events[0]).toMatchObject({ type: "files.kept", stackId: "stk_1" });
  expect(fixture.events[0]?.message).toContain("The containers of shop changed ./b");
  expect(readFileSync(join(fixture.events[0]?.path ?? "", "b"), "utf8")).toBe("1changed");
  expect(trees()).toHaveLength(2);
});

test("a container that is made anew finds what the one before wrote, unless another revision came between", async () => {
  const files = [text("data/seed", "seed")];
  const mounts = [{ path: "data", writable: true }];
  const first = fixture.desire(files, mounts);
  const place = await bindOf(first, "data");
  writeFileSync(join(place, "seed"), "mine");
  expect(readFileSync(join(await bindOf(first, "data"), "seed"), "utf8")).toBe("mine");

  fixture.desire([text("data/seed", "other")], mounts);
  await fixture.folders.settle(fixture.world, [containerWith("c1", [place])]);
  const back = fixture.desire(files, mounts);
  expect(readFileSync(join(await bindOf(back, "data"), "seed"), "utf8")).toBe("seed");
  expect(fixture.events.map(({ type }) => type)).toEqual(["files.kept"]);
});

test("a tree that was removed or changed by hand is mended, told, and its containers are started again, once in a while", async () => {
  const stack = fixture.desire([text("html/i", "hello")], [{ path: "html" }]);
  const place = await bindOf(stack, "html");
  const containers = [containerWith("c1", [place])];
  await fixture.folders.settle(fixture.world, containers);
  expect(fixture.restarted).toEqual([]);
  writeFileSync(join(place, "i"), "jello");
  await fixture.folders.settle(fixture.world, containers);
  expect(readFileSync(join(place, "i"), "utf8")).toBe("hello");
  expect(fixture.restarted).toEqual(["c1"]);
  expect(fixture.events[0]?.message).toMatch(
    /^\.\/html of shop was changed or removed on the host \(i has another content\)/,
  );
  rmSync(dirname(place), { recursive: true });
  await fixture.folders.settle(fixture.world, containers);
  expect(existsSync(place)).toBe(false);
  // A container that starts gets it whatever was before.
  expect(readFileSync(join(await bindOf(stack, "html"), "i"), "utf8")).toBe("hello");
});

test("the source's folder follows the revision; what was changed by hand is kept, a stranger's folder too", async () => {
  mkdirSync(join(fixture.root, "shop"), { recursive: true });
  writeFileSync(join(fixture.root, "shop", "theirs"), "theirs");
  fixture.desire([text("compose.yaml", "one"), text("conf/a", "a", { mode: 0o600 })]);
  await fixture.folders.settle(fixture.world, []);
  const at = (path: string): string => join(fixture.root, "shop", path);
  expect(readFileSync(at("compose.yaml"), "utf8")).toBe("one");
  expect(readFileSync(join(fixture.root, ".kept", kept()[0] ?? "", "theirs"), "utf8")).toBe("theirs");

  // Of equal length and mode, so that only the content tells.
  fixture.desire([text("compose.yaml", "two"), text("conf/a", "a", { mode: 0o600 })]);
  await fixture.folders.settle(fixture.world, []);
  expect(readFileSync(at("compose.yaml"), "utf8")).toBe("two");
  expect(kept()).toHaveLength(1);

  writeFileSync(at("compose.yaml"), "own");
  await fixture.folders.settle(fixture.world, []);
  expect(readFileSync(at("compose.yaml"), "utf8")).toBe("own");
  fixture.desire([text("compose.yaml", "six")]);
  await fixture.folders.settle(fixture.world, []);
  expect(readFileSync(at("compose.yaml"), "utf8")).toBe("six");
  expect(existsSync(at("conf"))).toBe(false);
  expect(kept()).toHaveLength(2);

  fixture.world = { ...fixture.world, stacks: [] };
  await fixture.folders.settle(fixture.world, [containerWith("c1", [])]);
  expect(existsSync(at(""))).toBe(true);
  await fixture.folders.settle(fixture.world, []);
  expect(existsSync(at(""))).toBe(false);
  expect(readdirSync(join(fixture.root, ".sources"))).toEqual([]);
});

test("a content that was altered on disk reaches no container", async () => {
  const stack = fixture.desire([text("a", "a"), text("b", "b")], [{ path: "a" }]);
  fixture.damaged = true;
  await expect(fixture.folders.binds(stack, "web")).rejects.toMatchObject({ code: "WF_FILES_UNAVAILABLE" });
  expect([...trees(), ...readdirSync(join(fixture.root, ".new"))]).toEqual([]);
});

test("a folder that cannot be used holds up only stacks that mount their files", () => {
  writeFileSync(join(folder, "file"), "");
  const unusable = foldersFixture(folder, { path: join(folder, "file") });
  const mounting = unusable.desire([text("a", "a")], [{ path: "a" }]);
  expect(unusable.folders.problem(mounting)).toMatch(/the folder .*file for the files of stacks cannot be used/);
  expect(unusable.folders.problem(unusable.desire([text("compose.yaml", "x")]))).toBeUndefined();
  const other = foldersFixture(folder, { owner: "/another/agent" });
  expect(fixture.folders.problem(fixture.desire([text("a", "a")], [{ path: "a" }]))).toBeUndefined();
  expect(other.folders.problem(other.desire([text("a", "a")], [{ path: "a" }]))).toContain(
    "give this one its own --stacks-dir",
  );
  for (const device of ["/stack/data", `${fixture.root}/shop`, `${fixture.root}/shop/data`]) {
    const stack = fixture.desire([text("a", "a")]);
    const model = { ...stack.model, volumes: { data: { driver_opts: { type: "none", o: "bind", device } } } };
    expect(fixture.folders.problem({ ...stack, model })).toContain(
      "the device of the volume data is a folder of the stack itself",
    );
  }
  const absent = fixture.desire([text("a", "a")], [{ path: "b" }]);
  expect(fixture.folders.problem(absent)).toContain("it mounts ./b, and the revision has no file or folder there");
});

test("what does not fit is told in numbers", () => {
  const needs = [
    { folder: join(folder, "not/there/yet"), bytes: 5e15 },
    { folder, bytes: 5e15 },
  ];
  expect(lackOfRoom(needs)).toMatch(/^needs 10000\.0 TB, and .* are free on the file system of \/tmp/);
  expect(lackOfRoom([{ folder, bytes: 1_000 }])).toBeUndefined();
  expect(lackOfRoom([{ folder: "/", bytes: 0 }])).toBeUndefined();
});

test("killed with SIGKILL at any moment, a tree and a source are there whole or not at all", async () => {
  const maker = join(import.meta.dirname, "testing/tree-maker.ts");
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ["--conditions=@windflow/source", "--no-warnings", maker, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 15 + round * 40));
    child.kill("SIGKILL");
    await once(child, "exit");
    for (const tree of existsSync(join(fixture.root, ".trees")) ? trees() : []) {
      const contents = readdirSync(join(fixture.root, ".trees", tree, "conf")).map((name) =>
        readFileSync(join(fixture.root, ".trees", tree, "conf", name), "utf8"),
      );
      expect(contents).toHaveLength(200);
      expect(new Set(contents).size).toBe(1);
    }
    const source = join(fixture.root, "shop/conf");
    if (existsSync(source)) expect(readdirSync(source)).toHaveLength(200);
  }
  chmodSync(fixture.root, 0o700);
  fixture.world = { ...fixture.world, stacks: [] };
  const next = fixture.desire([text("conf/a", "a")], [{ path: "conf" }]);
  await bindOf(next, "conf");
  await fixture.folders.settle(fixture.world, []);
  expect(trees()).toHaveLength(1);
  expect(readdirSync(join(fixture.root, ".new"))).toEqual([]);
  expect(existsSync(join(fixture.root, ".kept")) ? kept() : []).toEqual([]);
  expect(readdirSync(join(fixture.root, "shop"))).toEqual(["conf"]);
});
