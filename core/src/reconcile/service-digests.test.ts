import { expect, test } from "vitest";
import type { ComposeService } from "../compose/model.ts";
import type { DesiredStack } from "./desired.ts";
import { changedFiles, filesDigest } from "./service-digests.ts";

const FOLDER = "/var/lib/windflow/stacks/shop";
const stack = (trees: Record<string, string>): DesiredStack => ({
  stackId: "stk_1",
  stackName: "shop",
  project: "shop",
  revision: 1,
  bodyDigest: "sha256:1",
  model: { name: "shop", services: {} },
  files: {},
  images: {},
  workingDirectory: FOLDER,
  trees,
});
const binds = (...sources: string[]): ComposeService =>
  ({
    volumes: sources.map((source, i) => ({ type: "bind", source, target: `/t${i}` })),
  }) as unknown as ComposeService;

test("a service without files has the empty label, as it always had", () => {
  expect(filesDigest(stack({}), {} as ComposeService)).toBe("");
  expect(filesDigest(stack({}), binds("/etc/hosts"))).toBe("");
});

test("each bind mount of the stack's own files is a part that can be named when it changes", () => {
  const service = binds(`${FOLDER}/conf`, FOLDER, `${FOLDER}/a=b;c%`, "/etc/hosts");
  const digests = (conf: string): Record<string, string> => ({
    [`${FOLDER}/conf`]: conf.repeat(64),
    [FOLDER]: "2".repeat(64),
    [`${FOLDER}/a=b;c%`]: "3".repeat(64),
  });
  const before = filesDigest(stack(digests("1")), service);
  const parts = [`./a%3Db%3Bc%25=${"3".repeat(32)}`, `./conf=${"1".repeat(32)}`, `.=${"2".repeat(32)}`];
  expect(before).toBe(["", ...parts].join(";"));
  const after = filesDigest(stack({ ...digests("4"), [`${FOLDER}/a=b;c%`]: "5".repeat(64) }), service);
  expect(changedFiles(before, after)).toEqual(["./a=b;c%", "./conf"]);
  expect(changedFiles(`abc${before}`, `abd${before}`)).toEqual(["its configs or secrets"]);
});
