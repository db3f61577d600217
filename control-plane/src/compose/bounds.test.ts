import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problemLines, renderFiles } from "./testing/render-files.ts";

// A file of 10,000 services takes about a second, several on a machine with other work.
const LARGE_FILE_TIMEOUT_MS = 30_000;

describe("hostile input ends in a clear error", () => {
  test("aliases that grow without end", () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const below = i === 0 ? '"lol"' : `*a${i - 1}`;
      return `x-${i}: &a${i} [${Array.from({ length: 10 }, () => below).join(", ")}]`;
    });
    const output = renderFiles({ "compose.yaml": `${levels.join("\n")}\nservices: { a: { image: x } }\n` });
    expect(output.model).toBeUndefined();
    expect(output.problems[0]).toMatchObject({
      code: "WF_COMPOSE_LIMIT",
      what: "the file is too large once its aliases are expanded",
      line: 7,
    });
  });

  test("a file of 10 MB", () => {
    const output = renderFiles({ "compose.yaml": `services: {}\n#${"x".repeat(10 * 1024 * 1024)}` });
    expect(output.problems).toMatchObject([{ code: "WF_COMPOSE_LIMIT", what: "the file compose.yaml is too large" }]);
  });

  test.each(["[", "{a: ", "- "])("values nested by %j", (open) => {
    const output = renderFiles({ "compose.yaml": `x-deep: ${open.repeat(50_000)}` });
    expect(output.model).toBeUndefined();
    expect(output.problems.length).toBeGreaterThan(0);
  });

  test("thousands of mistakes", () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `  s${i}: { imagee: x }`);
    const output = renderFiles({ "compose.yaml": `services:\n${lines.join("\n")}\n` });
    expect(output.problems).toHaveLength(200);
  });

  test("an include that loads files without end", () => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => {
        const next = `f${i + 1}.yaml`;
        return [`f${i}.yaml`, `include: [${next}, ./${next}]\nservices: { s${i}: { image: x } }\n`];
      }),
    );
    const output = renderFiles({ ...files, "f12.yaml": "services: { last: { image: x } }\n" });
    expect(output.problems).toMatchObject([{ code: "WF_COMPOSE_LIMIT", what: "too many files are loaded" }]);
  });

  test("documents laid over each other without end", { timeout: LARGE_FILE_TIMEOUT_MS }, () => {
    const documents = Array.from({ length: 3000 }, (_, i) => `services: { s${i}: { image: x } }\n`);
    const output = renderFiles({ "compose.yaml": documents.join("---\n") });
    expect(output.problems).toMatchObject([
      { code: "WF_COMPOSE_LIMIT", what: "too many documents or files are laid over each other" },
    ]);
  });

  test("merge keys that grow with each anchor", { timeout: LARGE_FILE_TIMEOUT_MS }, () => {
    const anchors = Array.from({ length: 5000 }, (_, i) => `x-${i + 1}: &a${i + 1} { <<: *a${i}, k${i}: v }`);
    const output = renderFiles({
      "compose.yaml": `x-0: &a0 { k: v }\n${anchors.join("\n")}\nservices: { a: { image: x } }\n`,
    });
    expect(output.problems).toMatchObject([
      { code: "WF_COMPOSE_LIMIT", what: "the file is too large once its aliases are expanded" },
    ]);
  });

  test("quoted texts at the left margin, one after the other", { timeout: LARGE_FILE_TIMEOUT_MS }, () => {
    const quoted = Array.from({ length: 3000 }, (_, i) => `  s${i}:\n    image: x\n    hostname: "a\nb"\n`);
    const output = renderFiles({ "compose.yaml": `services:\n${quoted.join("")}` });
    expect(output.problems.find(({ severity }) => severity === "error")).toMatchObject({ code: "WF_COMPOSE_YAML" });
  });

  test.each([
    ["variables", `"${"${HOME}-".repeat(100_000)}"`],
    ["dollar signs", `"${"$$".repeat(400_000)}"`],
    ["open references", `"${"${A:-".repeat(900)}"`],
    ["blanks", `a${" ".repeat(1_000_000)}b`],
    ["escapes", `"${String.raw`\n`.repeat(400_000)}"`],
  ])("a value of nothing but %s", { timeout: LARGE_FILE_TIMEOUT_MS }, (_, value) => {
    const output = renderFiles({ "compose.yaml": `services: { a: { image: x, x-v: ${value} } }\n` });
    expect(output.model === undefined).toBe(output.problems.some(({ severity }) => severity === "error"));
  });

  test("a chain of extends longer than anyone writes", () => {
    const services = Array.from({ length: 300 }, (_, i) => `  s${i}: { extends: s${i + 1} }`);
    const output = renderFiles({ "compose.yaml": `services:\n${services.join("\n")}\n  s300: { image: x }\n` });
    expect(output.problems).toMatchObject([{ code: "WF_COMPOSE_LIMIT", what: "the chain of extends is too long" }]);
  });
});

test("a file of 10,000 services is rendered", { timeout: LARGE_FILE_TIMEOUT_MS }, () => {
  const services = Array.from(
    { length: 10_000 },
    (_, i) => `  s${i}:\n    image: x:${i}\n    environment: { N: ${i} }\n`,
  );
  const { model, problems } = renderFiles({ "compose.yaml": `services:\n${services.join("")}` });
  expect(problems).toEqual([]);
  expect(Object.keys(model?.services ?? {})).toHaveLength(10_000);
});

test("a long chain of dependencies is no circle, and closing it is found", { timeout: LARGE_FILE_TIMEOUT_MS }, () => {
  const services = Array.from({ length: 3000 }, (_, i) => `  s${i}: { image: x, depends_on: [s${i + 1}] }`);
  const text = `services:\n${services.join("\n")}\n`;
  expect(renderFiles({ "compose.yaml": `${text}  s3000: { image: x }\n` }).problems).toEqual([]);
  expect(
    problemLines(renderFiles({ "compose.yaml": `${text}  s3000: { image: x, depends_on: [s0] }\n` })),
  ).toMatchObject([expect.stringContaining("services wait for each other in a circle")]);
});

test(
  "ranges of ports that a small file writes out by the million are refused",
  { timeout: LARGE_FILE_TIMEOUT_MS },
  () => {
    const ports = Array.from({ length: 300 }, (_, i) => `"10.0.${i >> 8}.${i & 255}:1-65535:1-65535"`).join(", ");
    const spread = Array.from({ length: 300 }, (_, i) => `  s${i}: { image: x, ports: ["1-65535:1-65535"] }`).join(
      "\n",
    );
    for (const text of [`services: { a: { image: x, ports: [${ports}] } }`, `services:\n${spread}\n`])
      expect(problemLines(renderFiles({ "compose.yaml": text }))).toMatchObject([
        expect.stringContaining("too many ports once their ranges are written out"),
      ]);
  },
);

test("names of an object's prototype are names like any other", () => {
  const { model, problems } = renderFiles({
    "compose.yaml": `services:
  __proto__: { image: x, environment: { __proto__: 1, constructor: 2 } }
  constructor: { image: y, depends_on: [__proto__], labels: { toString: z } }
`,
  });
  expect(problems).toEqual([]);
  expect(Object.keys(model?.services ?? {})).toEqual(["__proto__", "constructor"]);
  expect(JSON.stringify(model?.services)).toContain('"environment":{"__proto__":"1","constructor":"2"}');
});

test("no text makes the renderer throw, and the same text gives the same answer", () => {
  const word = fc.constantFrom(
    ..."services:|  a:|    image: x|    ports: [80]|- b|x: &a|*a|<<: *a|!reset|${A:-|}|\"|'|{|]|\t|---|include: [compose.yaml]|    extends: a|    volumes: [v:/v]|volumes:|  v:|    environment:|      A: 1|      - B=2|#|: |\u0000|\u2028".split(
      "|",
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.constantFrom("\n", "", " ")), { maxLength: 30 }), (parts) => {
      const files = { "compose.yaml": parts.flat().join("") };
      const first = renderFiles(files);
      expect(first.model === undefined).toBe(first.problems.some(({ severity }) => severity === "error"));
      const second = renderFiles(files);
      expect([second.model, second.problems]).toEqual([first.model, first.problems]);
    }),
    { numRuns: 300 },
  );
});
