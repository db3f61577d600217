import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findStructureFaults } from "./structure.ts";

// Each rule is shown to bite: one planted violation, and the linter (or our own structure check) has to say so.
const root = join(import.meta.dirname, "../..");
let checkout: string;

beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  checkout = mkdtempSync(join(root, ".cache/lint-"));
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  for (const name of [".oxlintrc.json", "tsconfig.base.json"]) {
    writeFileSync(join(checkout, name), readFileSync(join(root, name)));
  }
  const types = JSON.stringify({
    extends: "./tsconfig.base.json",
    include: ["."],
    compilerOptions: { isolatedDeclarations: false },
  });
  writeFileSync(join(checkout, "tsconfig.json"), types);
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

function plant(files: Record<string, string>): void {
  for (const folder of ["agent", "core", "control-plane", "ui", "proto"]) {
    rmSync(join(checkout, folder), { recursive: true, force: true });
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), text);
  }
}

function lint(files: Record<string, string>): string {
  plant(files);
  try {
    // The checkout lies in an ignored folder: without --no-ignore nothing would be looked at.
    execFileSync(
      join(root, "node_modules/.bin/oxlint"),
      ["--type-aware", "--no-ignore", "--format=unix", ...Object.keys(files)],
      {
        cwd: checkout,
        encoding: "utf8",
        env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
      },
    );
    return "clean";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

const structure = (files: Record<string, string>): string => {
  plant(files);
  return findStructureFaults(checkout).join("\n");
};

describe("the linter refuses", () => {
  test("nothing in a file that keeps the rules", () => {
    const files = {
      "agent/src/good.ts":
        'import { a } from "@windflow/core";\nimport { b } from "@windflow/proto/agent";\nexport const one = [a, b];\n',
      "core/src/good.ts": 'import { b } from "@windflow/proto/agent";\nexport const one = b;\n',
      "ui/src/good.ts": 'import { c } from "@windflow/proto/client";\nexport const one = c;\n',
    };
    expect(lint(files)).toBe("clean");
  });
  test("a program that imports the other", () => {
    const text = 'import { app } from "@windflow/control-plane";\nexport const one = app;\n';
    expect(lint({ "agent/src/bad.ts": text })).toContain("no-restricted-imports");
  });
  test("a UI that goes round the REST API", () => {
    const text = 'import { one } from "@windflow/core";\nexport const two = one;\n';
    expect(lint({ "ui/src/bad.ts": text })).toContain("no-restricted-imports");
  });
  test("I/O in core", () => {
    const text = 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;\n';
    expect(lint({ "core/src/bad.ts": text })).toContain("no-restricted-imports");
  });
  test.each([
    ["agent/src/reconcile/plan.ts", "export const now = Date.now();\n", "no-restricted-properties"],
    ["control-plane/src/rollouts/plan-waves.ts", "export const dice = Math.random();\n", "no-restricted-properties"],
    ["control-plane/src/hosts/model.ts", "export const home = process.env;\n", "no-restricted-globals"],
  ])("impurity in %s", (path, text, rule) => {
    expect(lint({ [path]: text })).toContain(rule);
  });
  test("a promise that nobody waits for", () => {
    const text = "async function act(): Promise<void> {}\nexport function start(): void {\n  act();\n}\n";
    expect(lint({ "agent/src/bad.ts": text })).toContain("no-floating-promises");
  });
  test("a promise that `void` hides", () => {
    const text = "async function act(): Promise<void> {}\nexport function start(): void {\n  void act();\n}\n";
    expect(lint({ "agent/src/bad.ts": text })).toContain("no-floating-promises");
  });
  test("a switch that forgets a case", () => {
    const text =
      'export function f(x: "a" | "b"): number {\n  switch (x) {\n    case "a":\n      return 1;\n  }\n  return 0;\n}\n';
    expect(lint({ "agent/src/bad.ts": text })).toContain("switch-exhaustiveness-check");
  });
  test("a file of more than 400 lines", () => {
    expect(lint({ "agent/src/bad.ts": `${"export {};\n".repeat(401)}` })).toContain("max-lines");
  });
  test("any", () => {
    expect(lint({ "agent/src/bad.ts": "export const x: any = 1;\n" })).toContain("no-explicit-any");
  });
});

describe("the structure check refuses", () => {
  test("a lower domain that imports a higher one", () => {
    const files = {
      "control-plane/src/hosts/service.ts": 'import { s } from "../stacks/index.ts";\nexport const x = s;\n',
      "control-plane/src/stacks/index.ts": "export const s = 1;\n",
    };
    expect(structure(files)).toContain("hosts is below stacks");
  });
  test("an import that goes round a domain's index", () => {
    const files = {
      "control-plane/src/stacks/service.ts": 'import { s } from "../hosts/store.ts";\nexport const x = s;\n',
      "control-plane/src/hosts/store.ts": "export const s = 1;\n",
    };
    expect(structure(files)).toContain("import hosts/index.ts");
  });
  test("a pure file that reaches I/O through another", () => {
    const files = {
      "agent/src/update/plan.ts": 'import { read } from "./read.ts";\nexport const x = read;\n',
      "agent/src/update/read.ts": 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;\n',
    };
    expect(structure(files)).toContain("plan.ts: is pure, but imports a value from");
  });
  test("a package that is entered by a relative path", () => {
    const files = {
      "agent/src/bad.ts": 'import { x } from "../../core/src/x.ts";\nexport const y = x;\n',
      "core/src/x.ts": "export const x = 1;\n",
    };
    expect(structure(files)).toContain("leaves the package");
  });
  test("nothing where a type is all that is imported", () => {
    const files = {
      "agent/src/update/plan.ts": 'import type { Stats } from "node:fs";\nexport type X = Stats;\n',
    };
    expect(structure(files)).toBe("");
  });
});
