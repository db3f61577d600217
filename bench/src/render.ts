// Rendering compose files, how the time grows with their size, and what `docker compose config` takes for the same files.
import { type RenderInput, renderCompose } from "@windflow/control-plane";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCorpus } from "./compose/corpus.ts";
import { askTool, composeTool, renderInputOf, type Stack } from "./compose/tool.ts";
import { BENCH_STACKS } from "./deploy/stacks.ts";
import { growthExponent, median } from "./measure/statistics.ts";

interface Scale {
  readonly renders: number;
  readonly sizes: readonly number[];
  /** Files that docker compose is asked about. */
  readonly asked: number;
}

const FULL: Scale = { renders: 1000, sizes: [500, 1000, 2000, 4000], asked: 20 };
const SMALL: Scale = { renders: 20, sizes: [20, 40, 80], asked: 0 };
// The fastest of several shows what the code costs; the others what else the machine did.
const GROWTH_ROUNDS = 3;
const FOLDER = "/stacks/bench";

interface PeerFigures {
  readonly asked: number;
  readonly medianMs: number;
  readonly perSecond: number;
}

/** Arguments: a folder of real files laid out like the practice set (else the stacks of the benchmark `deploy`); `--small`. */
export async function run(args: string[]): Promise<object> {
  const scale = args.includes("--small") ? SMALL : FULL;
  const folder = args.find((arg) => !arg.startsWith("--"));
  const inputs = folder === undefined ? ownInputs() : acceptedInputs(folder);
  if (inputs.length === 0)
    throw new Error(`${folder} has no accepted file to render; see compose-corpus for its layout`);
  const times = measureRenders(inputs, scale.renders);
  const total = times.reduce((sum, time) => sum + time, 0);
  const sorted = times.toSorted((a, b) => a - b);
  const growth = scale.sizes.map(measureSize);
  const exponent = Number(growthExponent(growth).toFixed(2));
  const peer = scale.asked === 0 ? undefined : await askPeer(inputs, scale.asked);
  const figures = {
    files: inputs.length,
    renders: times.length,
    perSecond: Math.round((1000 * times.length) / total),
    p50Ms: Number(median(times).toFixed(2)),
    p95Ms: Number((sorted[Math.floor((sorted.length - 1) * 0.95)] ?? 0).toFixed(2)),
    growthExponent: exponent,
  };
  print(figures, growth, peer);
  return { bench: "render", ...figures, growth, ...(peer === undefined ? {} : { dockerComposeConfig: peer }) };
}

function ownInputs(): RenderInput[] {
  return BENCH_STACKS.map((stack) => renderInputOf(single(stack.compose(1)), FOLDER));
}

function acceptedInputs(folder: string): RenderInput[] {
  return [...readCorpus(folder)].flatMap(({ input, verdict }) => (verdict?.accepted === true ? [input] : []));
}

function single(text: string): Stack {
  return { files: { "compose.yaml": text }, composeFiles: ["compose.yaml"], environment: {}, profiles: [] };
}

/** Milliseconds of each render; the files take turns, and each was rendered once before. */
function measureRenders(inputs: readonly RenderInput[], renders: number): number[] {
  for (const input of inputs) renderCompose(input);
  return Array.from({ length: renders }, (_, i) => {
    const input = inputs[i % inputs.length] ?? inputs[0];
    return input === undefined ? 0 : timed(() => renderCompose(input));
  });
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** A file of so many services: its characters, and the milliseconds that it takes. */
function measureSize(services: number): { services: number; x: number; y: number } {
  const lines = Array.from({ length: services }, (_, i) =>
    `  service${i}:
    image: registry.example.com/team/service:\${RELEASE:-${i}}
    environment: { NUMBER: "${i}", HOME: }
    ports: ["${1024 + (i % 60_000)}:80"]
    volumes: ["data:/data", "./config/${i}:/etc/service:ro"]
    depends_on: [service${Math.max(0, i - 1)}]
`.replace(`    depends_on: [service${i}]\n`, ""),
  );
  const text = `services:\n${lines.join("")}volumes: { data: }\n`;
  const input = renderInputOf(single(text), FOLDER);
  const times = Array.from({ length: GROWTH_ROUNDS }, () => timed(() => renderCompose(input)));
  return { services, x: text.length, y: Math.min(...times) };
}

async function askPeer(inputs: readonly RenderInput[], asked: number): Promise<PeerFigures> {
  const tool = await composeTool();
  const root = await mkdtemp(join(tmpdir(), "windflow-render-"));
  const times: number[] = [];
  try {
    const step = Math.max(1, Math.floor(inputs.length / asked));
    for (let i = 0; i < inputs.length && times.length < asked; i += step) {
      const input = inputs[i];
      if (input === undefined) continue;
      const start = performance.now();
      await askTool(tool, stackOf(input), join(root, "stack"));
      times.push(performance.now() - start);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const middle = median(times);
  return { asked: times.length, medianMs: Math.round(middle), perSecond: Math.round(1000 / middle) };
}

/** The files of a rendering that lie in its own folder, as the tool needs them. */
function stackOf(input: RenderInput): Stack {
  const relative = (path: string): string => path.replace(`${input.workingDir}/`, "");
  const files = [...input.files].filter(([path]) => !path.startsWith("/") || path.startsWith(`${input.workingDir}/`));
  return {
    files: Object.fromEntries(files.map(([path, text]) => [relative(path), text])),
    composeFiles: input.composeFiles.map(relative).filter((path) => !path.startsWith("/")),
    environment: input.environment,
    profiles: input.profiles,
  };
}

function print(
  figures: { files: number; renders: number; perSecond: number; p50Ms: number; p95Ms: number; growthExponent: number },
  growth: readonly { services: number; x: number; y: number }[],
  peer: PeerFigures | undefined,
): void {
  const { files, renders, perSecond, p50Ms, p95Ms } = figures;
  console.log(
    `${renders} renders of ${files} files in one process: ${perSecond} a second, p50 ${p50Ms} ms, p95 ${p95Ms} ms`,
  );
  for (const { services, x, y } of growth) {
    console.log(`${String(services).padStart(6)} services, ${Math.round(x / 1024)} kB: ${y.toFixed(0)} ms`);
  }
  console.log(`time grows with the size of the file with an exponent of ${figures.growthExponent}`);
  if (peer === undefined) return;
  console.log(
    `docker compose config: ${peer.medianMs} ms a file, ${peer.perSecond} a second; it starts a process each time, which is most of that`,
  );
}
