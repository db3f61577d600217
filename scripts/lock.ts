// `node scripts/lock.ts`, after `npm install`: makes package-lock.json whole for `npm ci` (see check/lock.ts).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Lock, completeLock } from "./check/lock.ts";

const path = join(import.meta.dirname, "../package-lock.json");
const { lock, added } = completeLock(JSON.parse(readFileSync(path, "utf8")) as Lock);
if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`lock: ${added.length === 0 ? "nothing was missing" : `added ${added.join(", ")}`}`);
