import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const NONE = "none yet";

interface Row {
  readonly number: string;
  readonly held: string;
}

function readRows(): Row[] {
  const lines = readFileSync(join(root, "docs/where-others-hurt.md"), "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, number = "", , , held = ""] = line.split("|").map((cell) => cell.trim());
    return /^\d+$/.test(number) ? [{ number, held }] : [];
  });
}

/** `path` "title", "title"; `path` */
function testsOf(held: string): { path: string; titles: string[] }[] {
  return held.split(/;\s*(?=`)/).map((part) => {
    return {
      path: /`([^`]+)`/.exec(part)?.[1] ?? "",
      titles: [...part.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title),
    };
  });
}

test("every trouble has a row, and every test that a row names is there", () => {
  const rows = readRows();
  expect(rows.map(({ number }) => Number(number))).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  const missing = rows.flatMap(({ number, held }) => {
    if (held.startsWith(NONE)) return [];
    return testsOf(held).flatMap(({ path, titles }) => {
      if (path === "" || !existsSync(join(root, path))) return [`row ${number}: there is no file ${path}`];
      const text = readFileSync(join(root, path), "utf8");
      return titles.filter((title) => !text.includes(title)).map((title) => `row ${number}: ${path} has no "${title}"`);
    });
  });
  expect(missing).toEqual([]);
});
