import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorTable } from "./error-table.ts";
import { grpcStatusOf, httpStatusOf } from "./platform/index.ts";

const rows = [...errorTable].sort((a, b) => (a.code < b.code ? -1 : 1));

test("every code has one meaning", () => {
  const codes = rows.map((row) => row.code);
  expect(codes).toEqual([...new Set(codes)]);
});

test("every errors.ts of a domain stands in the table", () => {
  const table = readFileSync(join(import.meta.dirname, "error-table.ts"), "utf8");
  const domains = readdirSync(import.meta.dirname, { recursive: true })
    .map(String)
    .filter((file) => /(^|\/)errors\.ts$/.test(file));
  for (const file of domains) {
    const declared = [...readFileSync(join(import.meta.dirname, file), "utf8").matchAll(/^ {2}(WF_\w+): \{/gm)].map(
      (match) => match[1],
    );
    const missing = declared.filter((code) => !rows.some((row) => row.code === code));
    expect({ file, missing }).toEqual({ file, missing: [] });
  }
  expect(table).toContain("errorTable");
});

test("titles and fixes are sentences for people", () => {
  for (const row of rows) {
    expect(`${row.code}: ${row.title}`).toMatch(/: [A-Z].*[^.]$/);
    expect(`${row.code}: ${row.fix}`).toMatch(/\.$/);
  }
});

test("docs/errors.md is this table", async () => {
  const lines = rows.flatMap((row) => [
    `## ${row.code}`,
    "",
    `${row.title}. HTTP ${httpStatusOf(row)}, gRPC ${grpcStatusOf(row)}.`,
    "",
    row.fix,
    "",
  ]);
  const page = [
    "# Error codes",
    "",
    "Every error of the API carries one of these codes: over HTTP as `code` in an `application/problem+json` body, over gRPC as the `reason`",
    "of a `google.rpc.ErrorInfo`. A code never changes its meaning. This page is made from the table in the code:",
    "`vitest run control-plane/src/error-table.test.ts -u` writes it anew.",
    "",
    ...lines,
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../../docs/errors.md");
});
