import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { migrations } from "./index.ts";

test("every migration's file is in the list, under its own name, in the order of the names", () => {
  const files = readdirSync(import.meta.dirname)
    .filter((file) => /^\d/.test(file))
    .map((file) => file.replace(/\.ts$/, ""))
    .sort();
  const names = migrations.map((migration) => migration.name);
  expect([...names].sort()).toEqual(files);
  expect(new Set(names).size).toBe(names.length);
  expect(files.every((name) => /^\d{12}-[a-z0-9-]+$/.test(name))).toBe(true);
});
