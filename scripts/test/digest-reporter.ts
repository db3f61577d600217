// A reporter of vitest: writes the digest of its run into the file that TEST_DIGEST names.
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";
import { type Digest, type DigestEntry, firstLines } from "./digest.ts";

const root = join(import.meta.dirname, "../..");

interface Failure {
  readonly message?: string;
  readonly diff?: string | undefined;
  readonly stacks?: readonly { readonly file: string; readonly line: number }[];
}

export default class DigestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Failure[]): void {
    const path = process.env["TEST_DIGEST"] ?? "";
    if (path === "") return;
    const digest: Digest = {
      failed: [
        ...modules.flatMap(failuresOf),
        ...unhandled.map((error) => ({ file: "", name: "outside of a test", error: said([error]) })),
      ],
      laterTry: modules.flatMap((module) =>
        [...module.children.allTests("passed")].filter((test) => test.diagnostic()?.flaky === true).map(entryOfTest),
      ),
    };
    writeFileSync(path, JSON.stringify(digest));
  }
}

function failuresOf(module: TestModule): DigestEntry[] {
  const file = module.relativeModuleId;
  const hooks = [module, ...module.children.allSuites()]
    .filter((suite: TestModule | TestSuite) => suite.errors().length > 0)
    .map((suite) => ({ file, name: suite.type === "suite" ? suite.fullName : "", error: said(suite.errors()) }));
  const tests = [...module.children.allTests("failed")].map(entryOfTest);
  // Neither a test nor a hook says why when the process of the file was gone.
  const gone = module.state() === "pending" || module.state() === "queued";
  return [...hooks, ...tests, ...(gone ? [{ file, name: "", error: "it did not come to its end" }] : [])];
}

function entryOfTest(test: TestCase): DigestEntry {
  return { file: test.module.relativeModuleId, name: test.fullName, error: said(test.result().errors ?? []) };
}

function said([first]: readonly Failure[]): string {
  const { message = "no error was given", diff = "", stacks: [place] = [] } = first ?? {};
  const lines = firstLines(`${message}\n${diff}`);
  return place === undefined ? lines : `${lines}\nat ${relative(root, place.file)}:${place.line}`;
}
