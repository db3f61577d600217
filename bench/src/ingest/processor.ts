import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const NO_TICKS = { parent: 0, ticks: 0 };
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

// Fields of proc(5)'s stat after the name: 2 the parent, 12 to 15 the own time and that of ended children, in ticks.
function statOf(pid: number): { parent: number; ticks: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) };
  } catch {
    return NO_TICKS;
  }
}

/** Seconds of processor of a process and of all below it, but for those below `without`. */
export function processorSeconds(root: number, without: readonly number[] = []): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const stats = new Map(pids.map((pid) => [Number(pid), statOf(Number(pid))]));
  const isBelow = (pid: number): boolean => {
    if (pid === root) return true;
    if (without.includes(pid)) return false;
    const parent = stats.get(pid)?.parent ?? 0;
    return parent > 1 && isBelow(parent);
  };
  const ticks = [...stats].reduce((sum, [pid, stat]) => sum + (isBelow(pid) ? stat.ticks : 0), 0);
  return ticks / ticksPerSecond;
}
