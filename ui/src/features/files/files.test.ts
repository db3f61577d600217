import type { ApiClient } from "@windflow/proto/client";
import { ApiError } from "@windflow/proto/client";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readDockerIgnore } from "./docker-ignore.ts";
import { modeOf, modeText, modeWords } from "./file-mode.ts";
import { isWithin, treeRows } from "./file-tree.ts";
import { Sha256 } from "./sha256.ts";
import { sortOut } from "./sort-out.ts";
import { uploadFiles } from "./upload.ts";
import { placedAt, wantedFile } from "./wanted-file.ts";

const bytes = (size: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 255);
const digestOf = (content: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(content).digest("hex")}`;
const picked = (files: Record<string, string | Uint8Array<ArrayBuffer>>) => ({
  files: Object.entries(files).map(([path, content]) => ({
    path,
    file: new File([content], path.split("/").at(-1) ?? ""),
  })),
  emptyFolders: [],
});
const NOTHING = { texts: 0, attachments: 0 };

describe("sha256 in pieces", () => {
  test("is what the whole comes to, however it is cut", () => {
    for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000, 70_001]) {
      const content = bytes(size);
      const hasher = new Sha256();
      for (let at = 0; at < size; at += 37) hasher.update(content.subarray(at, at + 37));
      expect(hasher.digest()).toBe(digestOf(content));
      expect(new Sha256().update(content).digest()).toBe(digestOf(content));
    }
  });
});

describe(".dockerignore", () => {
  test("leaves out what the engine leaves out", () => {
    const ignores = readDockerIgnore("# no\nnode_modules\n*.log\n**/*.tmp\n/dist/\ndocs/*\n!docs/README.md\n\n");
    expect(
      [
        "node_modules/a/b.js",
        "x.log",
        "a/x.log",
        "a/b/c.tmp",
        "c.tmp",
        "dist/app.js",
        "docs/a.md",
        "docs/README.md",
        "src/dist",
      ].map(ignores),
    ).toEqual([true, true, false, true, true, true, true, false, false]);
  });
  test("the last rule decides, and the Dockerfile always stays", () => {
    const ignores = readDockerIgnore("**\n!src\nsrc/secret?.txt\nsrc/[ab].js");
    expect(
      ["a", "src/x/y", "src/secret1.txt", "src/a.js", "src/c.js", "Dockerfile", ".dockerignore"].map(ignores),
    ).toEqual([true, false, true, true, false, false, false]);
  });
});

describe("what becomes of picked files", () => {
  test("texts are edited, the rest travels as it is, and what is meant to be run may be run", async () => {
    const sorted = await sortOut(
      picked({
        "app.env": "A=1\n",
        "logo.png": Uint8Array.from([1, 0, 2]),
        "run.sh": "#!/bin/sh\n",
        "latin.txt": Uint8Array.from([0xe9]),
      }),
      NOTHING,
    );
    expect(sorted.texts).toEqual({ "app.env": "A=1\n" });
    expect(sorted.attachments.map(({ path, mode }) => [path, modeText(mode)])).toEqual([
      ["logo.png", "0644"],
      ["run.sh", "0755"],
      ["latin.txt", "0644"],
    ]);
  });
  test("a folder with a compose file becomes the stack's own, any other keeps its name", async () => {
    const own = await sortOut(picked({ "shop/compose.yaml": "services: {}", "shop/conf/a.ini": "a" }), NOTHING);
    expect(Object.keys(own.texts)).toEqual(["compose.yaml", "conf/a.ini"]);
    const other = await sortOut(picked({ "conf/a.ini": "a" }), NOTHING);
    expect(Object.keys(other.texts)).toEqual(["conf/a.ini"]);
  });
  test("the .dockerignore of a build context is honoured, of another folder it is not", async () => {
    const files = {
      "app/Dockerfile": "FROM x",
      "app/.dockerignore": "node_modules\ncompose.yaml",
      "app/node_modules/x.js": "1",
      "app/compose.yaml": "a",
    };
    const context = await sortOut(picked(files), NOTHING);
    expect([Object.keys(context.texts), context.ignored]).toEqual([["Dockerfile", ".dockerignore", "compose.yaml"], 1]);
    const { "app/Dockerfile": _, ...without } = files;
    expect((await sortOut(picked(without), NOTHING)).ignored).toBe(0);
  });
  test("texts beyond what the API takes travel as attachments, and what cannot travel is refused with the reason", async () => {
    const many = Object.fromEntries(Array.from({ length: 160 }, (_, at) => [`f/${at}.txt`, "x"]));
    const sorted = await sortOut(picked(many), NOTHING);
    expect([Object.keys(sorted.texts).length, sorted.attachments.length]).toEqual([150, 10]);
    const full = await sortOut(picked({ "a.bin": Uint8Array.from([0]), "x\u0007y": "x" }), {
      texts: 0,
      attachments: 20_000,
    });
    expect(full.refused.map(({ why }) => why)).toEqual(["tooMany", "path"]);
  });
});

describe("the tree of files", () => {
  const files = [
    { path: "compose.yaml", bytes: 10 },
    { path: "app/src/main.js", bytes: 5 },
    { path: "app/Dockerfile", bytes: 3 },
    { path: "empty", bytes: 0, folder: true },
  ];
  test("has folders first, with what is in them added up", () => {
    expect(treeRows(files, new Set()).map(({ path, depth, count, bytes: size }) => [path, depth, count, size])).toEqual(
      [
        ["app", 0, 2, 8],
        ["app/src", 1, 1, 5],
        ["app/src/main.js", 2, 1, 5],
        ["app/Dockerfile", 1, 1, 3],
        ["empty", 0, 0, 0],
        ["compose.yaml", 0, 1, 10],
      ],
    );
  });
  test("leaves out what is in a closed folder", () => {
    expect(treeRows(files, new Set(["app"])).map(({ path }) => path)).toEqual(["app", "empty", "compose.yaml"]);
    expect(["app", "app/x", "apple"].map((path) => isWithin(path, "app"))).toEqual([true, true, false]);
  });
});

describe("a problem that asks for a file", () => {
  test("is answered by a picker for the place that it names", () => {
    const asked = [
      { fix: "add the file ./conf/app.ini to the stack" },
      { fix: "Add the folder ./app, or mount an absolute path of the host." },
      { fix: "add the file or folder ./conf" },
      {
        what: "the file /stack/tls/key.pem of secrets.key is not there",
        fix: "add the file to the stack, or write its content here",
      },
      { what: "the env file /stack/web.env is not there", fix: "add the file, or set required: false" },
      { what: "the service mounts ./x", fix: "mount an absolute path" },
      { what: "the file ../up.env is missing", fix: "add the file to the stack" },
    ].map(wantedFile);
    expect(asked).toEqual([
      { path: "conf/app.ini", folder: false },
      { path: "app", folder: true },
      { path: "conf", folder: undefined },
      { path: "tls/key.pem", folder: false },
      { path: "web.env", folder: false },
      undefined,
      undefined,
    ]);
  });
  test("what is picked takes that place, whatever it was called", () => {
    const paths = (files: Record<string, string>, wanted: Parameters<typeof placedAt>[1]) =>
      placedAt(picked(files), wanted).files.map(({ path }) => path);
    expect(paths({ "other.ini": "" }, { path: "conf/app.ini", folder: false })).toEqual(["conf/app.ini"]);
    expect(paths({ "mine/a": "", "mine/b/c": "" }, { path: "conf", folder: true })).toEqual(["conf/a", "conf/b/c"]);
    expect(paths({ a: "", b: "" }, { path: "conf", folder: undefined })).toEqual(["conf/a", "conf/b"]);
  });
});

test("modes are octal numbers, and said as ls says them", () => {
  expect(["644", "0755", "4755", "9", "", "0", "17777"].map(modeOf)).toEqual([
    0o644,
    0o755,
    0o4755,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([modeText(0), modeText(0o755), modeWords(0o755), modeWords(undefined)]).toEqual([
    "0644",
    "0755",
    "rwxr-xr-x",
    "rw-r--r--",
  ]);
});

describe("uploading", () => {
  /** A control plane that keeps pieces in memory and fails where the test wants it to. */
  function store(fails: (call: number) => number | undefined = () => undefined) {
    const kept = new Map<string, { size: number; content: Buffer }>();
    const offsets: number[] = [];
    let calls = 0;
    const state = (digest: string) => ({
      digest,
      sizeBytes: String(kept.get(digest)?.size ?? 0),
      receivedBytes: String(kept.get(digest)?.content.length ?? 0),
    });
    const api = {
      files: {
        checkFiles: ({ digests }: { digests: string[] }) => Promise.resolve({ files: digests.map(state) }),
        putFileChunk: ({
          digest,
          sizeBytes,
          offset,
          content,
        }: Record<"digest" | "sizeBytes" | "offset" | "content", string>) => {
          const status = fails((calls += 1));
          if (status !== undefined)
            return Promise.reject(new ApiError({ status, detail: "away", code: "WF_UNREACHABLE" }));
          const before = kept.get(digest)?.content ?? Buffer.alloc(0);
          offsets.push(Number(offset));
          kept.set(digest, {
            size: Number(sizeBytes),
            content: Buffer.concat([before.subarray(0, Number(offset)), Buffer.from(content, "base64")]),
          });
          return Promise.resolve(state(digest));
        },
      },
    } as unknown as Pick<ApiClient, "files">;
    return { api, kept, offsets };
  }
  const content = bytes(2_500_000);
  const file = { digest: digestOf(content), blob: new Blob([content]) };
  const run = (api: Pick<ApiClient, "files">, files = [file], signal = new AbortController().signal) => {
    const told: [number, boolean][] = [];
    const done = uploadFiles(files, {
      api,
      organization: "org_1",
      signal,
      retryMs: [1, 1],
      onStored: (_, size, whole) => told.push([size, whole]),
    });
    return { told, done };
  };

  test("goes in pieces, and the whole arrives", async () => {
    const { api, kept, offsets } = store();
    const { told, done } = run(api);
    await done;
    expect(digestOf(kept.get(file.digest)!.content)).toBe(file.digest);
    expect(offsets).toEqual([0, 1_048_576, 2_097_152]);
    expect(told.at(-1)).toEqual([2_500_000, true]);
  });
  test("sends nothing that is there, and goes on where another upload ended", async () => {
    const { api, kept, offsets } = store();
    kept.set(file.digest, { size: content.length, content: Buffer.from(content.subarray(0, 2_000_000)) });
    await run(api).done;
    await run(api).done;
    expect(offsets).toEqual([2_000_000]);
  });
  test("a broken connection is tried again, a refusal is not", async () => {
    const flaky = store((call) => (call === 2 ? 0 : undefined));
    await run(flaky.api).done;
    expect(digestOf(flaky.kept.get(file.digest)!.content)).toBe(file.digest);
    const refused = store(() => 413);
    await expect(run(refused.api).done).rejects.toThrow("away");
  });
  test("an empty file is stored too, and the same content is sent once", async () => {
    const { api, kept, offsets } = store();
    const empty = { digest: digestOf(""), blob: new Blob([]) };
    await run(api, [empty, empty]).done;
    expect([kept.has(empty.digest), offsets.length]).toEqual([true, 1]);
  });
  test("ends when it is cancelled", async () => {
    const { api, offsets } = store();
    const abort = new AbortController();
    const { done } = run(api, [file], abort.signal);
    abort.abort();
    await expect(done).rejects.toThrow();
    expect(offsets.length).toBeLessThan(3);
  });
});
