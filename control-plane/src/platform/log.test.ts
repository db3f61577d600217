import { expect, test } from "vitest";
import { createLog } from "./log.ts";

function logged(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLog({ level: "info", destination: { write: (line: string) => lines.push(line) } }));
  return JSON.parse(lines.join("")) as Record<string, unknown>;
}

test("of an error only type, message, code, stack and causes are logged", () => {
  const error = Object.assign(new Error("it broke", { cause: new TypeError("inner") }), {
    code: "57P01",
    client: { connectionParameters: { password: "hunter2" } },
  });
  const line = logged((log) => log.warn({ err: error }, "Something broke."));
  expect(line["err"]).toMatchObject({
    type: "Error",
    message: "it broke",
    code: "57P01",
    cause: { type: "TypeError", message: "inner" },
  });
  expect(JSON.stringify(line)).not.toContain("hunter2");
});

test("fields that carry secrets are emptied, two levels deep", () => {
  const line = logged((log) =>
    log.info({ token: "t1", request: { password: "p2", headers: { authorization: "a3" } } }, "A line."),
  );
  expect(JSON.stringify(line)).not.toMatch(/t1|p2|a3/);
  expect(line).toMatchObject({ token: "[REDACTED]", level: "info", msg: "A line." });
});
