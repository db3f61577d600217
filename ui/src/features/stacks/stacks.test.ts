import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { completeCompose } from "./compose-completion.ts";
import { pathAbove } from "./compose-keys.ts";
import { draftOf, fileOf, filePathFault, sourceOf } from "./draft.ts";
import { HELLO_EXAMPLE } from "./examples.ts";
import { changedVolumes, downtimes, remarksOf, servicesToBuild, stepTone } from "./plan-meaning.ts";
import { imagesOf, modelText, sourceText } from "./revision-text.ts";

/** Names offered at the "|" of a text. */
function offered(text: string, explicit = true): string[] {
  const at = text.indexOf("|");
  const state = EditorState.create({ doc: text.replace("|", "") });
  return (completeCompose(new CompletionContext(state, at, explicit))?.options ?? []).map(({ label }) => label);
}

describe("completion in a compose file", () => {
  test("offers the keys of the place", () => {
    expect(offered("ser|")).toContain("services");
    expect(offered("services:\n  web:\n    im|")).toContain("healthcheck");
    expect(offered("services:\n  web:\n    healthcheck:\n      te|")).toContain("interval");
    expect(offered("services:\n  web:\n    depends_on:\n      db:\n        c|")).toContain("condition");
    expect(offered("services:\n  web:\n    deploy:\n      resources:\n        limits:\n          c|")).toContain(
      "cpus",
    );
    expect(offered("volumes:\n  data:\n    dr|")).toContain("driver");
  });
  test("offers the values of keys that know only a few", () => {
    expect(offered("services:\n  web:\n    restart: un|")).toEqual(["no", "always", "on-failure", "unless-stopped"]);
    expect(offered("services:\n  web:\n    image: ng|")).toEqual([]);
  });
  test("offers nothing where names are one's own, nor unasked on an empty line", () => {
    expect(offered("services:\n  we|")).toEqual([]);
    expect(offered("services:\n  web:\n    |", false)).toEqual([]);
  });
  test("knows the keys above a line by their indentation", () => {
    const lines = [
      "services:",
      "  web:",
      "    image: a",
      "    # note: no key",
      "    ports:",
      "      - 80:80",
      "  db:",
      "    ",
    ];
    expect(pathAbove(lines, 7, 4)).toEqual(["services", "db"]);
  });
});

describe("a draft", () => {
  test("begins with the text when there is no revision, and keeps a revision's own", () => {
    expect(draftOf(undefined, "x").files).toEqual({ "compose.yaml": "x" });
    expect(draftOf({ files: { "a.yml": "1" }, composeFiles: ["a.yml"] }, "x").files).toEqual({ "a.yml": "1" });
  });
  test("is sent without nameless variables and without compose files that are gone", () => {
    const draft = draftOf(
      {
        files: { "a.yml": "1" },
        composeFiles: ["a.yml", "gone.yml"],
        variables: [
          { name: "", value: "x" },
          { name: "A", value: "", secret: true },
        ],
      },
      "",
    );
    expect(sourceOf(draft)).toMatchObject({ composeFiles: ["a.yml"], variables: [{ name: "A", secret: true }] });
  });
  test("refuses paths that leave the stack", () => {
    const files = { "a.env": "" };
    expect(["", "a.env", "/etc/x", "../x", "a//b", "conf/b.env"].map((path) => filePathFault(path, files))).toEqual([
      "empty",
      "exists",
      "outside",
      "outside",
      "outside",
      undefined,
    ]);
  });
  test("shows a problem in its file, or in the first when it names none", () => {
    expect(fileOf({ file: "/b" }, { a: "", b: "" })).toBe("b");
    expect(fileOf({}, { a: "", b: "" })).toBe("a");
  });
});

describe("the text of a revision", () => {
  test("names secrets and never has a value for them", () => {
    const text = sourceText({
      source: {
        files: { "b.env": "B=1", "a.yml": "x: 1" },
        variables: [
          { name: "PASSWORD", value: "", secret: true },
          { name: "PORT", value: "80" },
        ],
      },
    });
    expect(text).toContain("PASSWORD=(secret)");
    expect(text.indexOf("a.yml")).toBeLessThan(text.indexOf("b.env"));
  });
  test("lists attached files with their mode, owner and content, so that a change of one shows", () => {
    const attachments = [
      { path: "run.sh", digest: `sha256:${"a".repeat(64)}`, mode: 0o755, uid: 1000, gid: 1000 },
      { path: "current", linkTarget: "run.sh" },
      { path: "spool", folder: true },
    ];
    expect(sourceText({ source: { files: { "a.yml": "x" }, attachments } })).toContain(
      "0644 0:0 current -> run.sh\n0755 0:0 spool/\n0755 1000:1000 run.sh sha256:aaaaaaaaaaaa\n",
    );
  });
  test("names each image with what it is pinned to, and those that were built", () => {
    const model = { name: "shop", services: { web: { image: "nginx:1" }, api: {}, db: { image: "postgres" } } };
    const imageDigests = { "nginx:1": "sha256:1", "shop-api": "sha256:2" };
    expect(imagesOf({ model, imageDigests, builtServices: ["api"] })).toEqual([
      { name: "api", digest: "sha256:2", built: true },
      { name: "nginx:1", digest: "sha256:1", built: false },
      { name: "postgres", digest: "", built: false },
    ]);
  });
  test("of the model has sorted keys, so that only changes differ", () => {
    expect(modelText({ model: { b: 1, a: 2 } })).toBe("a: 2\nb: 1\n");
  });
});

describe("what a plan asks of a person", () => {
  test("services that have to be built, once each", () => {
    const problem = (keyPath: string) => ({ code: "WF_BUILD_NEEDED", keyPath });
    expect(
      servicesToBuild([
        problem("services.web.build"),
        problem("services.web"),
        problem("services.a.b.build.context"),
        { code: "WF_X", keyPath: "services.db" },
      ]),
    ).toEqual(["web", "a.b"]);
  });
  test("volumes that may only go with a yes, by the name that they have on the hosts", () => {
    const kept = (name: string) =>
      `warning: volume ${name} was created with other settings: it is kept as it is, with its data`;
    const hosts = [
      { text: `1. create-container shop-web-1: missing\n${kept("shop_data")}` },
      {
        text: `nothing to do\n${kept("shop_data")}\n${kept("shop_logs")}, as another stack uses it\nerror: web: no image`,
      },
    ];
    const model = { volumes: { data: { name: "shop_data" }, logs: { name: "shop_logs" }, other: null } };
    expect(changedVolumes(hosts, model)).toEqual([{ key: "data", name: "shop_data" }]);
    expect(remarksOf(hosts[1]!).map(({ severity }) => severity)).toEqual(["warning", "warning", "error"]);
    expect(changedVolumes([], model)).toEqual([]);
  });
  test("the worst downtime of each service over all hosts", () => {
    const hosts = [{ expectedDowntimeSeconds: { db: 4, web: 0 } }, { expectedDowntimeSeconds: { db: 6, api: 9 } }, {}];
    expect(downtimes(hosts)).toEqual([
      ["api", 9],
      ["db", 6],
    ]);
  });
  test("the kind of each step is seen at a glance", () => {
    const ops = [
      "load-image",
      "pull-image",
      "run-hook",
      "wait",
      "remove-container",
      "recreate-volume",
      "rename-container",
    ];
    expect(ops.map((op) => stepTone({ op }))).toEqual(["ok", "ok", "busy", "busy", "bad", "bad", "warn"]);
  });
});

test("the example is valid YAML with two services", () => {
  expect(Object.keys((parse(HELLO_EXAMPLE.text) as { services: object }).services)).toEqual(["web", "counter"]);
});
