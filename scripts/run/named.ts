import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Runnable {
  /** Prints a table for people; resolves to the object of the last line. */
  run(args: string[]): Promise<object>;
}

const root = join(import.meta.dirname, "../..");

/**
 * Runs the program NAME of a folder, `COMMAND NAME [arguments]`. The last line is one JSON object, also kept below
 * `results`. Ends this process.
 */
export async function runNamed(place: {
  readonly what: string;
  readonly folder: string;
  readonly results: string;
}): Promise<never> {
  const folder = join(root, place.folder);
  const [name = "", ...args] = process.argv.slice(2);
  const path = join(folder, `${name}.ts`);
  if (!/^[a-z][a-z-]*$/.test(name) || !existsSync(path)) {
    const known = readdirSync(folder).flatMap((file) => /^([a-z-]+)\.ts$/.exec(file)?.[1] ?? []);
    const listed = known.filter((one) => one !== "index").join(", ");
    console.error(`There is no ${place.what} "${name}". There are: ${listed}.`);
    process.exit(2);
  }
  const program = (await import(path)) as Runnable;
  const result = await program.run(args);
  const results = join(root, place.results);
  mkdirSync(results, { recursive: true });
  const at = new Date().toISOString().replaceAll(/[:.]/g, "-");
  writeFileSync(join(results, `${name}-${at}.json`), JSON.stringify(result, undefined, 2));
  console.log(JSON.stringify(result));
  // A program closes what it opened; what a library keeps open in spite of that must not hold the terminal.
  process.exit("broken" in result && Array.isArray(result.broken) && result.broken.length > 0 ? 1 : 0);
}
