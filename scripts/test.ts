// `npm test [-- NAME…]`: every suite, in lanes beside each other, with the seconds that each took. NAME picks suites.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, formatDigest, readDigest } from "./test/digest.ts";
import { prepareForTests } from "./test/prepare.ts";
import { pruneCache } from "./test/prune.ts";
import { SUITES, type Suite } from "./test/suites.ts";

const root = join(import.meta.dirname, "..");
const reports = join(root, ".cache/test-reports");

interface SuiteResult {
  suite: Suite;
  seconds: number;
  passed: number;
  failed: number;
  skipped: number;
  digest: Digest;
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numFailedTestSuites: number;
}

function readReport(path: string, exitCode: number): Pick<SuiteResult, "passed" | "failed" | "skipped"> {
  try {
    const report = JSON.parse(readFileSync(path, "utf8")) as VitestReport;
    const failed = Math.max(report.numFailedTests, exitCode === 0 ? 0 : 1);
    return { passed: report.numPassedTests, failed, skipped: report.numPendingTests };
  } catch {
    // No report at all: vitest itself ended early, which is a failure whatever it counted.
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function runSuite(
  suite: Suite,
  extraEnvironment: Record<string, string>,
  output: number | "inherit",
): Promise<SuiteResult> {
  const report = join(reports, `${suite.name}.json`);
  const digest = join(reports, `${suite.name}.digest.json`);
  rmSync(report, { force: true });
  rmSync(digest, { force: true });
  const started = performance.now();
  const digestReporter = `--reporter=${join(import.meta.dirname, "test/digest-reporter.ts")}`;
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, digestReporter];
  const args = [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--project",
    suite.project,
    ...reporters,
    ...(suite.inOneProcess === true ? ["--no-isolate"] : []),
    ...(suite.atOnce === undefined ? [] : [`--maxWorkers=${suite.atOnce}`]),
    ...suite.filters,
  ];
  return new Promise((resolve) => {
    const environment = {
      ...process.env,
      NODE_ENV: "test",
      FORCE_COLOR: "0",
      // Control planes and agents that tests start from sources take half the time: what was compiled is kept.
      NODE_COMPILE_CACHE: join(root, ".cache/compiled"),
      TEST_DIGEST: digest,
      TEST_WITHOUT: (suite.without ?? []).join(","),
      ...extraEnvironment,
    };
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", output, output],
      env: environment,
    });
    child.on("close", (code) => {
      const seconds = (performance.now() - started) / 1000;
      const counts = readReport(report, code ?? 1);
      resolve({ suite, seconds, ...counts, digest: readDigest(digest, counts.failed > 0) });
    });
  });
}

/** Runs suites one after the other. Beside other lanes, what each printed is shown when it has ended. */
async function runLane(suites: readonly Suite[], alone: boolean): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const suite of suites) {
    console.log(`\n== ${suite.name}: ${suite.what}${alone ? "" : " (begun)"}`);
    const environment = prepared.environmentOf(suite.needs);
    if (alone) {
      results.push(await runSuite(suite, environment, "inherit"));
      continue;
    }
    const path = join(reports, `${suite.name}.log`);
    const log = openSync(path, "w");
    results.push(await runSuite(suite, environment, log));
    closeSync(log);
    console.log(`\n== ${suite.name}: ended; it printed:\n${readFileSync(path, "utf8")}`);
  }
  return results;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`There is no suite "${unknown.join(", ")}". Suites: ${SUITES.map((suite) => suite.name).join(", ")}.`);
  process.exit(2);
}
mkdirSync(reports, { recursive: true });
pruneCache(join(root, ".cache"), Date.now());
const chosen = SUITES.filter((suite) => wanted.length === 0 || wanted.includes(suite.name));
const prepared = await prepareForTests(chosen.flatMap((suite) => suite.needs));

const lanes = Map.groupBy(chosen, (suite) => suite.lane);
const ran = await Promise.all([...lanes.values()].map((suites) => runLane(suites, lanes.size === 1)));
const results = ran.flat();
await prepared.close();

console.log("");
for (const { suite, seconds, passed, failed, skipped } of results) {
  const late = seconds > suite.budgetSeconds ? `   over its budget of ${suite.budgetSeconds} s` : "";
  const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped`;
  console.log(`${suite.name.padEnd(22)} ${seconds.toFixed(1).padStart(7)} s ${counts}${late}`);
}
const sum = (pick: (result: SuiteResult) => number): number =>
  results.reduce((total, result) => total + pick(result), 0);
console.log(
  `${sum((result) => result.passed)} passed, ${sum((result) => result.failed)} failed, ${sum((result) => result.skipped)} skipped`,
);
for (const line of formatDigest(results.map(({ suite, digest }) => ({ suite: suite.name, digest })))) console.log(line);
process.exitCode = sum((result) => result.failed) === 0 ? 0 : 1;
