// `npm run bench -- NAME [arguments]`: one measured comparison. The last line is one JSON object, also kept in bench/results/.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Benchmark {
  /** Prints a table for people; resolves to the object of the last line, with `bench` = the name. */
  run(args: string[]): Promise<object>;
}

const root = join(import.meta.dirname, "..");
const folder = join(root, "bench/src");
const [name = "", ...args] = process.argv.slice(2);
const path = join(folder, `${name}.ts`);

if (!/^[a-z][a-z-]*$/.test(name) || !existsSync(path)) {
  const known = readdirSync(folder).flatMap((file) => /^([a-z-]+)\.ts$/.exec(file)?.[1] ?? []);
  console.error(`There is no benchmark "${name}". Benchmarks: ${known.filter((one) => one !== "index").join(", ")}.`);
  process.exit(2);
}
const benchmark = (await import(path)) as Benchmark;
const result = await benchmark.run(args);
const results = join(root, "bench/results");
mkdirSync(results, { recursive: true });
writeFileSync(
  join(results, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.json`),
  JSON.stringify(result, undefined, 2),
);
console.log(JSON.stringify(result));
// A benchmark closes what it opened; what a library keeps open in spite of that must not hold the terminal.
process.exit(0);
