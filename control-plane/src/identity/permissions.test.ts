import { readImage } from "@windflow/proto/image";
import { expect, test } from "vitest";
import { readCatalog } from "../api/catalog.ts";
import { ALL, expand, intersect, PERMISSIONS } from "./permissions.ts";

test("every permission that a method declares can be given to somebody", () => {
  const declared = [...readCatalog(readImage()).methods.values()].flatMap((method) =>
    method.access?.rule === "permission" ? [method.access.permission] : [],
  );
  expect(declared.filter((name) => !expand([ALL]).has(name))).toEqual([]);
  expect([...PERMISSIONS]).toEqual([...PERMISSIONS].sort());
});

test("stored names mean what this version knows, and a token never more than its maker", () => {
  expect([...expand(["hosts.read", "clouds.read"])]).toEqual(["hosts.read"]);
  expect([...intersect(expand([ALL]), new Set(["hosts.read"]))]).toEqual(["hosts.read"]);
});
