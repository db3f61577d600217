// Made-up compose files, each read by our reader and by the real docker compose.
import { renderCompose } from "@windflow/control-plane";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { GENERATORS } from "./compose/fuzz/generators.ts";
import { askTool, composeTool, renderInputOf, type Stack } from "./compose/tool.ts";

type Outcome = "equal" | "different" | "refused" | "rightly refused" | "wrongly accepted" | "fault of the tool";

interface Tally {
  readonly cases: number;
  readonly outcomes: Record<Outcome, number>;
}

interface FuzzResult {
  readonly bench: "compose-fuzz";
  readonly seed: number;
  readonly generators: Readonly<Record<string, Tally>>;
}

const AGREE: readonly Outcome[] = ["equal", "rightly refused"];
const WRONG: readonly Outcome[] = ["different", "refused", "wrongly accepted"];
// The tool falls over a value, or cannot print what it has read.
const TOOL_FAULT = /^panic: |^json: error calling MarshalJSON/m;
const DEFAULT_CASES = 200;
// The tool is one process a case; more at once only wait for each other on a small machine.
const WORKERS = 2;

/**
 * Arguments: `--seed N`, `--cases N` (of each generator), `--only NAME`, `--from DIR` (real files to change, laid out like the
 * practice set), `--keep DIR` (where cases that differ are written, with both answers).
 */
export async function run(args: string[]): Promise<FuzzResult> {
  const valueOf = (flag: string): string | undefined => args[args.indexOf(flag) + 1 || args.length];
  const seed = Number(valueOf("--seed") ?? 1);
  const count = Number(valueOf("--cases") ?? DEFAULT_CASES);
  const only = valueOf("--only");
  const keep = valueOf("--keep");
  const tool = await composeTool();
  const root = await mkdtemp(join(tmpdir(), "windflow-fuzz-"));
  const tallies: Record<string, Tally> = {};
  try {
    for (const [name, generator] of Object.entries(GENERATORS)) {
      if (only !== undefined && only !== name) continue;
      const stacks = generator({ seed, count, corpus: valueOf("--from") });
      const tally = await compareAll(name, stacks, { tool, root, keep });
      if (tally.cases > 0) tallies[name] = tally;
      console.log(`${name.padEnd(14)} ${describe(tally)}`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return { bench: "compose-fuzz", seed, generators: tallies };
}

interface Setting {
  readonly tool: string;
  readonly root: string;
  readonly keep: string | undefined;
}

async function compareAll(name: string, stacks: Iterable<Stack>, setting: Setting): Promise<Tally> {
  const outcomes: Record<Outcome, number> = {
    equal: 0,
    different: 0,
    refused: 0,
    "rightly refused": 0,
    "wrongly accepted": 0,
    "fault of the tool": 0,
  };
  const rest = stacks[Symbol.iterator]();
  let cases = 0;
  const work = async (worker: number): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) {
      const index = cases;
      cases += 1;
      const { outcome, report } = await compare(next.value, { ...setting, root: join(setting.root, `w${worker}`) });
      outcomes[outcome] += 1;
      if (setting.keep === undefined || !WRONG.includes(outcome)) continue;
      const folder = join(setting.keep, name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `${index}.txt`), report);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return { cases, outcomes };
}

async function compare(stack: Stack, { tool, root }: Setting): Promise<{ outcome: Outcome; report: string }> {
  // The name of the folder is the name of the project, which both must read alike.
  const folder = join(root, "stack");
  const answer = await askTool(tool, stack, folder);
  const { model, problems } = renderCompose(renderInputOf(stack, folder));
  const own = model === undefined ? undefined : (JSON.parse(JSON.stringify(model)) as unknown);
  const outcome = TOOL_FAULT.test(answer.message) ? "fault of the tool" : outcomeOf(answer.model, own);
  const errors = problems
    .filter(({ severity }) => severity === "error")
    .map(({ keyPath, what }) => `${keyPath}: ${what}`);
  const report = [
    outcome,
    ...Object.entries(stack.files).map(([path, text]) => `--- ${path}\n${text}`),
    `--- options ${JSON.stringify({ ...stack, files: undefined })}`,
    `--- tool\n${answer.message.trim()}\n${JSON.stringify(answer.model) ?? ""}`,
    `--- ours\n${errors.join("\n")}\n${JSON.stringify(own) ?? ""}\n`,
  ].join("\n");
  return { outcome, report };
}

function outcomeOf(tool: unknown, own: unknown): Outcome {
  if (tool === undefined) return own === undefined ? "rightly refused" : "wrongly accepted";
  if (own === undefined) return "refused";
  return isDeepStrictEqual(own, tool) ? "equal" : "different";
}

function describe({ cases, outcomes }: Tally): string {
  const agreeing = AGREE.reduce((sum, outcome) => sum + outcomes[outcome], 0);
  const judged = cases - outcomes["fault of the tool"];
  const share = judged === 0 ? "–" : `${((100 * agreeing) / judged).toFixed(2)} %`;
  const parts = Object.entries(outcomes).map(([outcome, count]) => `${outcome} ${count}`);
  return `${share} of ${cases} agree (${parts.join(", ")})`;
}
