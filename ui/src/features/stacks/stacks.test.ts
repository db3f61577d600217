import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { completeCompose } from "./compose-completion.ts";
import { pathAbove } from "./compose-keys.ts";
import { draftOf, fileOf, filePathFault, sourceOf } from "./draft.ts";
import { HELLO_EXAMPLE } from "./examples.ts";
import { modelText, sourceText } from "./revision-text.ts";

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
  test("of the model has sorted keys, so that only changes differ", () => {
    expect(modelText({ model: { b: 1, a: 2 } })).toBe("a: 2\nb: 1\n");
  });
});

test("the example is valid YAML with two services", () => {
  expect(Object.keys((parse(HELLO_EXAMPLE.text) as { services: object }).services)).toEqual(["web", "counter"]);
});
