// `npm run check`: everything that can be said of the code without running it. The same command in CI.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { findDeadLinks } from "./check/dead-links.ts";
import { findStructureFaults } from "./check/structure.ts";

const root = join(import.meta.dirname, "..");

interface CheckResult {
  name: string;
  ok: boolean;
  seconds: number;
  output: string;
}

const COMMANDS: Record<string, string[]> = {
  types: ["tsc", "-b"],
  "scripts types": ["tsc", "-p", "scripts"],
  "ui types": ["vue-tsc", "--noEmit", "-p", "ui"],
  lint: ["oxlint", "--type-aware"],
  format: ["oxfmt", "--check"],
  "proto lint": ["buf", "lint"],
  "proto breaking": ["buf", "breaking", "proto/image.binpb", "--against", "proto/released.binpb"],
  "dead code": ["knip", "--no-progress"],
};

function runCommand(name: string, [program, ...args]: string[]): Promise<CheckResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const child = spawn(join(root, "node_modules/.bin", program ?? ""), args, { cwd: root });
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", (error) => chunks.push(Buffer.from(error.message)));
    child.on("close", (code) => {
      const seconds = (performance.now() - started) / 1000;
      resolve({ name, ok: code === 0, seconds, output: Buffer.concat(chunks).toString() });
    });
  });
}

function runFinder(name: string, find: (folder: string) => string[]): CheckResult {
  const started = performance.now();
  const faults = find(root);
  return { name, ok: faults.length === 0, seconds: (performance.now() - started) / 1000, output: faults.join("\n") };
}

const results: CheckResult[] = [runFinder("structure", findStructureFaults), runFinder("dead links", findDeadLinks)];
// One after another: each of the tools takes all processors by itself.
for (const [name, command] of Object.entries(COMMANDS)) results.push(await runCommand(name, command));

for (const result of results) {
  console.log(`${result.ok ? "ok    " : "FAILED"} ${result.name.padEnd(16)} ${result.seconds.toFixed(1)} s`);
  if (!result.ok) console.log(result.output.trimEnd().replaceAll(/^/gm, "       "));
}
const failed = results.filter((result) => !result.ok).length;
console.log(`check: ${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
