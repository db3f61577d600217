import { expect, test } from "vitest";
import { problemLines, renderFiles } from "./testing/render-files.ts";
import { forbiddenCharacter, withPlainBreaks } from "./yaml-lines.ts";

// What docker compose 2.40.3 makes of each was asked of it; the fixtures cannot hold these characters.
test.each(["\r\n", "\r", "\u0085", "\u2028", "\u2029"])("%j ends a line", (lineBreak) => {
  const text = "services: # c\n  a:\n    image: x\n    user: u\n".replaceAll("\n", lineBreak);
  expect(renderFiles({ "compose.yaml": text }).model?.services["a"]).toMatchObject({ image: "x", user: "u" });
});

test("a break that was pasted into a value ends it", () => {
  const output = renderFiles({ "compose.yaml": "services:\n  a:\n    image: x\n    user: a\u2028b\n" });
  expect(output.model).toBeUndefined();
  expect(output.problems[0]).toMatchObject({ code: "WF_COMPOSE_YAML", file: "compose.yaml", line: 5 });
});

test("breaks are replaced one for one", () => {
  expect(withPlainBreaks("a\rb\r\nc\u0085d")).toBe("a\nb\r\nc\nd");
});

test.each(["\u0000", "\u001b", "\u007f", "\ufffe"])("the character %j is refused where it stands", (character) => {
  const output = renderFiles({ "compose.yaml": `services: { a: { image: x } }\n# note ${character}\n` });
  expect(problemLines(output)).toEqual(["error compose.yaml:2:8 : the file is not valid YAML"]);
});

test("a byte order mark may begin a file and stands nowhere else", () => {
  expect(renderFiles({ "compose.yaml": "\ufeffservices: { a: { image: x } }\n" }).problems).toEqual([]);
  expect(forbiddenCharacter("a\ufeff")).toBe(1);
});

test("a tab that indents is refused where it stands", () => {
  const output = renderFiles({ "compose.yaml": "services:\n  a:\n    image: x # c\n  \t# d\n" });
  expect(output.problems).toMatchObject([{ line: 4, column: 3, why: "a tab stands where only spaces may indent" }]);
});
