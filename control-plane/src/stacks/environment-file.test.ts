import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEnvFile } from "../compose/dotenv.ts";
import { environmentFile } from "./environment-file.ts";
import type { StackSource, StackVariable } from "./model.ts";

const more = { stackName: "shop", composeFiles: ["compose.yaml", "prod.yaml"], workingDirectory: "/stack" };
const source = (variables: StackVariable[], rest: Partial<StackSource> = {}): StackSource => ({
  files: { "compose.yaml": "" },
  composeFiles: [],
  variables,
  profiles: ["a", "b"],
  attachments: [],
  ...rest,
});
const textOf = (given: StackSource): string => Buffer.from(environmentFile(given, more)?.content ?? []).toString();

test("docker compose in the stack's folder finds the project, its files, its profiles and its plain variables", () => {
  const variables = [
    { name: "TAG", value: "1.2", secret: false },
    { name: "GREETING", value: "it's $5", secret: false },
    { name: "PASSWORD", value: "", secret: true, version: 1 },
  ];
  expect(textOf(source(variables))).toBe(`COMPOSE_PROJECT_NAME=shop
COMPOSE_FILE=compose.yaml:prod.yaml
COMPOSE_PROFILES=a,b
TAG=1.2
GREETING="it's \\$5"
`);
});

test("a source's own .env is left as it is", () => {
  expect(environmentFile(source([], { files: { ".env": "A=1" } }), more)).toBeUndefined();
});

test("any value comes back as it was", () => {
  const value = fc
    .oneof(fc.string(), fc.stringMatching(/^['"\\$\n\r #={}a-]*$/))
    .filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(value, (text) => {
      const read = parseEnvFile(textOf(source([{ name: "VALUE", value: text, secret: false }])), () => undefined);
      expect(read.get("VALUE")).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});
