// Deploying through the whole path (API call → running and healthy) beside `docker compose up -d --wait` of the same file on
// the same engine, images present, in turn.
import { createInstallation, type Installation } from "@windflow/e2e";
import { buildImages } from "@windflow/e2e/testbed";
import { loadavg } from "node:os";
import { composeDeployer } from "./deploy/compose-deployer.ts";
import type { Deployer } from "./deploy/deployer.ts";
import { BENCH_STACKS, type BenchStack } from "./deploy/stacks.ts";
import { windflowDeployer } from "./deploy/windflow-deployer.ts";
import { growthExponent, median } from "./measure/statistics.ts";

const ROUNDS = 7;
const SMALL_ROUNDS = 1;
const OPERATIONS = ["cold", "noop", "change", "down"] as const;
type Operation = (typeof OPERATIONS)[number];
type Timings = Record<Operation, number[]>;

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
    const absolute: Record<string, object> = {};
    for (const stack of small ? BENCH_STACKS.slice(0, 2) : BENCH_STACKS) {
      const { ours, theirs } = await compare(installation, stack, rounds);
      stacks[stack.services] = ratios(ours, theirs);
      absolute[stack.services] = { windflow: medians(ours), compose: medians(theirs) };
      printTable(stack, ours, theirs);
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
      absoluteMs: absolute,
      coldGrowthExponent: round(growth),
      rounds,
      load: loadavg()[0],
    };
  } finally {
    await installation.remove();
  }
}

async function compare(
  installation: Installation,
  stack: BenchStack,
  rounds: number,
): Promise<{ ours: Timings; theirs: Timings }> {
  const ours = emptyTimings();
  const theirs = emptyTimings();
  // The first round warms both sides and is thrown away.
  for (let index = -1; index < rounds; index++) {
    const sides: [Deployer, Timings][] = [
      [await windflowDeployer(installation, stack), ours],
      [await composeDeployer(installation.hosts[0]!.host.engine, stack), theirs],
    ];
    if (index % 2 === 0) sides.reverse();
    for (const [deployer, timings] of sides) {
      const kept = index < 0 ? emptyTimings() : timings;
      for (const operation of OPERATIONS) kept[operation].push(await timed(() => deployer[operation]()));
      await deployer.cleanUp();
    }
  }
  return { ours, theirs };
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

function printTable(stack: BenchStack, ours: Timings, theirs: Timings): void {
  console.log(`\n${stack.services} service${stack.services === 1 ? "" : "s"}   windflow ms   compose ms   ratio`);
  for (const one of OPERATIONS) {
    const [mine, peer] = [median(ours[one]), median(theirs[one])];
    console.log(
      `${one.padEnd(12)} ${mine.toFixed(0).padStart(9)} ${peer.toFixed(0).padStart(12)} ${(mine / peer).toFixed(3).padStart(8)}`,
    );
  }
}
