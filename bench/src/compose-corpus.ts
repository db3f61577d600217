// Rendering a folder of real compose files and comparing each with what `docker compose config --format json` said of it.
import { type Problem, renderCompose } from "@windflow/control-plane";
import { isDeepStrictEqual } from "node:util";
import { type CorpusCase, readCorpus, type Verdict } from "./compose/corpus.ts";
import { median } from "./measure/statistics.ts";

type Outcome = "equal" | "different" | "refused" | "rightly refused" | "wrongly accepted";

interface Result {
  readonly name: string;
  readonly outcome: Outcome;
  readonly milliseconds: number;
  /** Refusals that name a line other than the first. */
  readonly located: boolean;
}

const SHOWN_FAILURES = 20;
const PROGRESS_EVERY = 1000;

/** Arguments: the folder (laid out like the practice set); `--verbose` names every case that differs. */
export function run(args: string[]): Promise<object> {
  const folder = args.find((arg) => !arg.startsWith("--"));
  if (folder === undefined) {
    throw new Error(
      "compose-corpus needs a folder with reference/<set>/cases.json: npm run bench -- compose-corpus DIR",
    );
  }
  const results: Result[] = [];
  let skipped = 0;
  for (const one of readCorpus(folder)) {
    if (one.verdict === undefined) skipped += 1;
    else results.push(judge(one, one.verdict));
    if (results.length % PROGRESS_EVERY === 0 && results.length > 0) console.error(`${results.length} cases …`);
  }
  printTable(results, skipped, args.includes("--verbose") ? Infinity : SHOWN_FAILURES);
  return Promise.resolve(summary(results, skipped));
}

function judge(one: CorpusCase, verdict: Verdict): Result {
  try {
    // The first time reads warm code paths and files; only the second is measured.
    renderCompose(one.input);
  } catch (error) {
    // The renderer has an answer for every input: a throw is a fault, whatever the tool said.
    console.error(`${one.name}: the renderer threw`, error);
    return {
      name: one.name,
      outcome: verdict.accepted ? "refused" : "wrongly accepted",
      milliseconds: 0,
      located: false,
    };
  }
  const start = performance.now();
  const { model, problems } = renderCompose(one.input);
  const milliseconds = performance.now() - start;
  const located = problems.some(({ severity, line }) => severity === "error" && line > 1);
  const outcome = outcomeOf(one, verdict, model);
  return { name: one.name, outcome, milliseconds, located: located || mentionsFile(problems) };
}

function outcomeOf(one: CorpusCase, verdict: Verdict, model: object | undefined): Outcome {
  if (!verdict.accepted) return model === undefined ? "rightly refused" : "wrongly accepted";
  if (model === undefined) return "refused";
  return isDeepStrictEqual(one.printed(model), verdict.expected) ? "equal" : "different";
}

function mentionsFile(problems: readonly Problem[]): boolean {
  return problems.some(({ severity, keyPath }) => severity === "error" && keyPath !== "");
}

function summary(results: readonly Result[], skipped: number): object {
  const count = (outcome: Outcome): number => results.filter((result) => result.outcome === outcome).length;
  const total = results.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const refusals = results.filter(({ outcome }) => outcome === "rightly refused");
  return {
    bench: "compose-corpus",
    cases: results.length,
    accepted: { equal: count("equal"), different: count("different"), refused: count("refused") },
    rejected: { refused: count("rightly refused"), accepted: count("wrongly accepted") },
    perSecond: results.length === 0 ? 0 : Math.round((1000 * results.length) / total),
    medianMs: results.length === 0 ? 0 : Number(median(results.map(({ milliseconds }) => milliseconds)).toFixed(2)),
    located: refusals.filter(({ located }) => located).length,
    skipped,
  };
}

function printTable(results: readonly Result[], skipped: number, shown: number): void {
  const failures = results.filter(({ outcome }) => ["different", "refused", "wrongly accepted"].includes(outcome));
  for (const { outcome, name } of failures.slice(0, shown)) console.log(`${outcome.padEnd(16)} ${name}`);
  if (failures.length > shown) console.log(`… and ${failures.length - shown} more (--verbose names them)`);
  const times = results.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  const rows: [string, Outcome][] = [
    ["accepted by the tool, same model", "equal"],
    ["accepted by the tool, other model", "different"],
    ["accepted by the tool, refused here", "refused"],
    ["refused by the tool and here", "rightly refused"],
    ["refused by the tool, accepted here", "wrongly accepted"],
  ];
  for (const [label, outcome] of rows) {
    console.log(`${label.padEnd(38)}${results.filter((result) => result.outcome === outcome).length}`);
  }
  console.log(`${"left out (faults of the tool, no answer)".padEnd(42)}${skipped}`);
  const at = (share: number): string => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(2);
  console.log(
    `render, ms: median ${at(0.5)}, p95 ${at(0.95)}, max ${at(1)} (one process; docker compose starts one a file)`,
  );
}
