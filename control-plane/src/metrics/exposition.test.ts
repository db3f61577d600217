import { expect, test } from "vitest";
import { createExposition, labelName } from "./exposition.ts";

test("a family is in one piece, with its help once; what is not a number is left out", () => {
  const out = createExposition();
  out.gauge("one", "Help of one.", { host: "a" }, 1);
  out.gauge("two", "Help of two.", {}, 1e21);
  out.gauge("one", "Another help.", { host: "b" }, Number.POSITIVE_INFINITY);
  out.gauge("three", "Nobody knows.", {}, Number.NaN);
  expect(out.text()).toBe(
    `# HELP one Help of one.
# TYPE one gauge
one{host="a"} 1
one{host="b"} +Inf
# HELP two Help of two.
# TYPE two gauge
two 1e+21
`,
  );
});

test("values of others end neither a label nor a line", () => {
  const out = createExposition();
  out.gauge("one", "a\nb\\c", { host: 'x"} 1\nevil 1\\' }, 2);
  expect(out.text().split("\n")).toEqual([
    "# HELP one a\\nb\\\\c",
    "# TYPE one gauge",
    'one{host="x\\"} 1\\nevil 1\\\\"} 2',
    "",
  ]);
  expect(labelName("com.example/rack-1")).toBe("label_com_example_rack_1");
});
