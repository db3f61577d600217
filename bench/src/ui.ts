// What a person waits for in the browser: the first load, each click and key with many hosts, and a log of a million lines.
import { builtUi, p95 } from "@windflow/e2e/browser";
import { growthExponent } from "./measure/statistics.ts";
import { readLog, type LogFigures } from "./ui/log.ts";
import { workWith, type Act, type Pages, type SizeFigures } from "./ui/work.ts";

interface Scale {
  readonly sizes: readonly number[];
  readonly lines: number;
  readonly pages: Pages;
  /** Times that each size is worked with, in turn. */
  readonly rounds: number;
}
const FULL: Scale = { sizes: [1_000, 3_000, 10_000], lines: 1_000_000, pages: "all", rounds: 3 };
// A test: what stands in the document, with more hosts than it has rows, seen with as few acts as show it.
const SMALL: Scale = { sizes: [1_200], lines: 5_000, pages: "few", rounds: 1 };

const DEAREST_SHOWN = 8;

/** Arguments: `--small`, `--rounds=N`. The pages are those that are shipped; the answers come from the double of `ui/dev`, compressed as the control plane does it. */
export async function run(args: string[]): Promise<object> {
  const scale = args.includes("--small") ? SMALL : FULL;
  const asked = Number(args.find((arg) => arg.startsWith("--rounds="))?.slice("--rounds=".length));
  const rounds = asked > 0 ? asked : scale.rounds;
  const folder = await builtUi();
  const all: SizeFigures[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const hosts of scale.sizes) all.push(await workWith(folder, hosts, scale.pages));
  const log = await readLog(folder, scale.lines);
  return report(
    scale.sizes.map((hosts) => gathered(all.filter((one) => one.hosts === hosts))),
    log,
  );
}

/** What was felt in all rounds of a size; of the first loads the best, since others only tell what else the machine did. */
function gathered(rounds: readonly SizeFigures[]): SizeFigures {
  const most = (pick: (one: SizeFigures) => number): number => Math.max(...rounds.map(pick));
  return {
    hosts: rounds[0]?.hosts ?? 0,
    firstLoadKb: most((one) => one.firstLoadKb),
    lcpMs: Math.min(...rounds.map((one) => one.lcpMs)),
    felt: rounds.flatMap((one) => one.felt),
    longTasks: rounds.flatMap((one) => one.longTasks),
    rows: most((one) => one.rows),
    elements: most((one) => one.elements),
    mapKb: most((one) => one.mapKb),
  };
}

/** The acts that took the most processor time. */
const dearest = (felt: readonly Act[]): Act[] => felt.toSorted((a, b) => b.cpuMs - a.cpuMs).slice(0, DEAREST_SHOWN);

function report(sizes: readonly SizeFigures[], log: LogFigures): object {
  const rows = sizes.map((one) => ({
    hosts: one.hosts,
    firstLoadKb: one.firstLoadKb,
    lcpMs: one.lcpMs,
    interactions: one.felt.length,
    interactionP95Ms: Math.round(p95(one.felt.map(({ ms }) => ms))),
    interactionCpuP95Ms: Math.round(p95(one.felt.map(({ cpuMs }) => cpuMs))),
    longestTaskMs: Math.round(Math.max(0, ...one.longTasks.map(({ ms }) => ms))),
    longTasks: one.longTasks.length,
    rows: one.rows,
    elements: one.elements,
    mapKb: one.mapKb,
  }));
  console.table(rows);
  for (const one of dearest(sizes.at(-1)?.felt ?? []))
    console.log(
      `${one.cpuMs.toFixed(0).padStart(5)} ms of processor (styles ${one.styleMs.toFixed(0)}, layout ${one.layoutMs.toFixed(0)}), seen after ${one.ms.toFixed(0)} ms: ${one.act}`,
    );
  for (const { act, ms } of sizes.at(-1)?.longTasks ?? []) console.log(`a task of ${ms.toFixed(0)} ms after: ${act}`);
  console.log(
    `${log.lines} lines of a log: ${log.elementsBefore} elements before, ${log.elementsAfter} after; ${log.heapMb} MB of heap`,
  );
  // One size alone says nothing of growth.
  const exponents = rows.length < 2 ? undefined : grown(rows);
  if (exponents !== undefined)
    console.log(
      `with the number of hosts grow: the processor time of a click with an exponent of ${exponents.interaction}, elements ${exponents.elements}, bytes of the map ${exponents.mapBytes}`,
    );
  const { interactions: _interactions, ...largest } = rows.at(-1) ?? { interactions: 0 };
  return {
    bench: "ui",
    ...largest,
    logLines: log.lines,
    logElementsGrown: log.elementsAfter - log.elementsBefore,
    logHeapMb: log.heapMb,
    exponents,
    sizes: rows,
  };
}

type Row = Record<"hosts" | "interactionCpuP95Ms" | "elements" | "mapKb", number>;
/** The exponents with which each grows with the number of hosts. */
function grown(rows: readonly Row[]): { interaction: number; elements: number; mapBytes: number } {
  const exponent = (pick: (row: Row) => number): number =>
    Number(growthExponent(rows.map((row) => ({ x: row.hosts, y: Math.max(1, pick(row)) }))).toFixed(2));
  return {
    interaction: exponent((row) => row.interactionCpuP95Ms),
    elements: exponent((row) => row.elements),
    mapBytes: exponent((row) => row.mapKb),
  };
}
