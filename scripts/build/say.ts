import { statSync } from "node:fs";
import { basename } from "node:path";

const began = performance.now();

/** A line of progress, with the seconds since the start. */
export function say(line: string): void {
  console.log(`build: ${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s  ${line}`);
}

/** "name (12.3 MB)" of a file. */
export function sized(path: string): string {
  return `${basename(path)} (${(statSync(path).size / 1e6).toFixed(1)} MB)`;
}
