import { expect, test } from "vitest";
import type { StackSource, StackVariable } from "./model.ts";
import { renderVariables, splitSource } from "./source.ts";

const source = (variables: StackVariable[], files: Record<string, string> = {}): StackSource => ({
  files: { "compose.yaml": "", ...files },
  composeFiles: [],
  variables,
  profiles: [],
  attachments: [],
});
const secret = (name: string, value: string): StackVariable => ({ name, value, secret: true });

test("a secret leaves the source, and stands as a reference with the number of the revision that it came with", () => {
  const split = splitSource(source([secret("A", "x"), { name: "B", value: "y", secret: false }]), 4, new Map());
  expect(JSON.stringify(split.source)).not.toContain('"x"');
  expect([...split.secrets]).toEqual([["A", { version: 4, value: "x" }]]);
  expect(renderVariables(split.source)).toEqual({ A: "{{wf-secret:A@4}}", B: "y" });
});

test("a secret that is empty or the same keeps its version; another one gets a new one; one that is left out is gone", () => {
  const previous = new Map(["A", "B", "C", "D"].map((name) => [name, { version: 2, value: name }]));
  const { secrets, violations } = splitSource(
    source([secret("A", ""), secret("B", "B"), secret("C", "new")]),
    5,
    previous,
  );
  expect(violations).toEqual([]);
  expect([...secrets].map(([name, { version, value }]) => `${name}@${version}=${value}`)).toEqual([
    "A@2=A",
    "B@2=B",
    "C@5=new",
  ]);
});

test("names that come twice, and paths that lead out of the stack, are refused by name", () => {
  const files = { "../etc/passwd": "", "/abs": "", "a//b": "", "a/./b": "", "a\\b": "", "ok/file.env": "" };
  const variables = [
    { name: "A", value: "1", secret: false },
    { name: "A", value: "2", secret: false },
  ];
  const { violations } = splitSource(source(variables, files), 1, new Map());
  expect(violations.map((one) => one.path)).toEqual([
    'source.files["../etc/passwd"]',
    'source.files["/abs"]',
    'source.files["a//b"]',
    'source.files["a/./b"]',
    'source.files["a\\b"]',
    "source.variables[1].name",
  ]);
});
