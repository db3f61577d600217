// Deploying through the whole path (API call → running and healthy) beside `docker compose up -d --wait` of the same file on
// the same engine, images present, in turn; and beside the engine's own floor: the calls that nobody can save.
import { createInstallation, type Installation } from "@windflow/e2e";
import { buildImages } from "@windflow/e2e/testbed";
import { loadavg } from "node:os";
import { composeDeployer } from "./deploy/compose-deployer.ts";
import type { Deployer } from "./deploy/deployer.ts";
import { engineFloor } from "./deploy/engine-floor.ts";
import { BENCH_STACKS, type BenchStack } from "./deploy/stacks.ts";
import { windflowDeployer } from "./deploy/windflow-deployer.ts";
import { growthExponent, median } from "./measure/statistics.ts";

const ROUNDS = 7;
const SMALL_ROUNDS = 1;
const OPERATIONS = ["cold", "noop", "change", "down"] as const;
type Operation = (typeof OPERATIONS)[number];
type Timings = Record<Operation, number[]>;
type Side = "windflow" | "compose" | "floor";
type Sides = Record<Side, Timings>;

const emptyTimings = (): Timings => ({ cold: [], noop: [], change: [], down: [] });

/** Arguments: `--small` one round of the two smaller stacks; `--rounds N`. */
export async function run(args: string[]): Promise<object> {
  const small = args.includes("--small");
  const rounds = small ? SMALL_ROUNDS : Number(args[args.indexOf("--rounds") + 1] ?? ROUNDS) || ROUNDS;
  const installation = await createInstallation(1);
  try {
    const host = installation.hosts[0]!.host;
    await buildImages(host.engine.docker, ["busybox", "nginx", "redis", "python"]);
    const stacks: Record<string, Record<Operation, number>> = {};
    const overFloor: Record<string, Record<Operation, number>> = {};
    const absolute: Record<string, object> = {};
    for (const stack of small ? BENCH_STACKS.slice(0, 2) : BENCH_STACKS) {
      const sides = await compare(installation, stack, rounds);
      stacks[stack.services] = ratios(sides.windflow, sides.compose);
      overFloor[stack.services] = ratios(sides.windflow, sides.floor);
      absolute[stack.services] = {
        windflow: medians(sides.windflow),
        compose: medians(sides.compose),
        floor: medians(sides.floor),
      };
      printTable(stack, sides);
    }
    const growth = growthExponent(
      Object.entries(absolute).map(([services, { windflow }]: [string, { windflow?: Record<Operation, number> }]) => ({
        x: Number(services),
        y: windflow!.cold,
      })),
    );
    return {
      bench: "deploy",
      stacks,
      overFloor,
      absoluteMs: absolute,
      coldGrowthExponent: round(growth),
      rounds,
      load: loadavg()[0],
    };
  } finally {
    await installation.remove();
  }
}

async function compare(installation: Installation, stack: BenchStack, rounds: number): Promise<Sides> {
  const kept: Sides = { windflow: emptyTimings(), compose: emptyTimings(), floor: emptyTimings() };
  const engine = installation.hosts[0]!.host.engine;
  const deployers: [Side, () => Promise<Deployer>][] = [
    ["windflow", () => windflowDeployer(installation, stack)],
    ["compose", () => composeDeployer(engine, stack)],
    ["floor", () => engineFloor(engine, stack)],
  ];
  // The first round warms all sides and is thrown away.
  for (let index = -1; index < rounds; index++) {
    for (const [side, open] of deployers) {
      const deployer = await open();
      const timings = index < 0 ? emptyTimings() : kept[side];
      for (const operation of OPERATIONS) timings[operation].push(await timed(() => deployer[operation]()));
      await deployer.cleanUp();
    }
    // Each comes first in turn.
    deployers.push(deployers.shift()!);
  }
  return kept;
}

async function timed(act: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

function medians(timings: Timings): Record<Operation, number> {
  return Object.fromEntries(OPERATIONS.map((one) => [one, round(median(timings[one]))])) as Record<Operation, number>;
}

function ratios(ours: Timings, theirs: Timings): Record<Operation, number> {
  return Object.fromEntries(OPERATIONS.map((one) => [one, round(median(ours[one]) / median(theirs[one]))])) as Record<
    Operation,
    number
  >;
}

function printTable(stack: BenchStack, { windflow, compose, floor }: Sides): void {
  console.log(
    `\n${stack.services} service${stack.services === 1 ? "" : "s"}   windflow ms   compose ms   floor ms   to compose   to floor`,
  );
  for (const one of OPERATIONS) {
    const [mine, peer, least] = [median(windflow[one]), median(compose[one]), median(floor[one])];
    const cells = [
      mine.toFixed(0),
      peer.toFixed(0),
      least.toFixed(0),
      (mine / peer).toFixed(3),
      (mine / least).toFixed(2),
    ];
    console.log(`${one.padEnd(12)} ${cells.map((cell) => cell.padStart(11)).join(" ")}`);
  }
}
