import type { ComposeModel, DesiredStack, DesiredWorld } from "@windflow/core";
import { createDockerEngine, type DockerEngine } from "../../engines/docker/index.ts";
import { systemClock } from "../../platform/clock.ts";
import { createReconciler } from "../index.ts";
import type { ObservationReport, ProgressEvent, ReconcileMemory, Reconciler, ReconcilerOptions } from "../options.ts";

export const ORGANIZATION = "org_1";

/** A reconciler on a real engine, with what it told and a way to wait for what it will tell. */
export interface Harness {
  readonly engine: DockerEngine;
  readonly reconciler: Reconciler;
  readonly progress: ProgressEvent[];
  memory(): ReconcileMemory | undefined;
  last(): ObservationReport | undefined;
  desire(...stacks: DesiredStack[]): void;
  /** Resolves with the first report, of now or later, that satisfies the test. */
  until(what: string, test: (report: ObservationReport) => boolean, withinMs?: number): Promise<ObservationReport>;
  /** Desires the stacks and waits until they have converged and run. */
  deploy(...stacks: DesiredStack[]): Promise<ObservationReport>;
  /** The id of the container of that name; undefined while none was seen. */
  idOf(name: string): string | undefined;
  /** Takes everything down and stops. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export function startHarness(
  socketPath: string,
  extra: Partial<ReconcilerOptions> & { initialMemory?: ReconcileMemory } = {},
): Harness {
  const engine = createDockerEngine({ socketPath });
  let world: DesiredWorld | undefined;
  let generation = 0;
  let memory = extra.initialMemory;
  let last: ObservationReport | undefined;
  const watchers = new Set<(report: ObservationReport) => void>();
  const progress: ProgressEvent[] = [];
  const reconciler = createReconciler({
    engine,
    desired: () => world,
    secrets: async () => undefined,
    files: async () => undefined,
    memory: { load: () => memory, save: (next) => void (memory = next) },
    bootId: "boot-1",
    clock: systemClock,
    log: () => undefined,
    onObserved(report) {
      last = report;
      for (const watcher of watchers) watcher(report);
    },
    onProgress: (event) => void progress.push(event),
    ...extra,
  });
  const until: Harness["until"] = (what, test, withinMs = 60_000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(watcher);
        const told = JSON.stringify(
          { stacks: last?.stacks, settlements: last?.settlements, error: last?.engineError },
          null,
          1,
        );
        reject(new Error(`not within ${withinMs} ms: ${what}\n${told}`));
      }, withinMs);
      const watcher = (report: ObservationReport): void => {
        if (!test(report)) return;
        clearTimeout(timer);
        watchers.delete(watcher);
        resolve(report);
      };
      watchers.add(watcher);
      if (last) watcher(last);
    });
  reconciler.start();
  const desire = (...stacks: DesiredStack[]): void => {
    world = { organizationId: ORGANIZATION, generation: `1.${++generation}`, stacks };
    reconciler.wake("desired");
  };
  return {
    engine,
    reconciler,
    progress,
    memory: () => memory,
    last: () => last,
    desire,
    until,
    deploy(...stacks) {
      desire(...stacks);
      const wanted = `1.${generation}`;
      return until(
        `${stacks.map((stack) => stack.stackName).join(", ")} run`,
        (report) => report.appliedGeneration === wanted && report.stacks.every(({ state }) => isWell(state)),
      );
    },
    idOf: (name) => reconciler.observed()?.containers.find((container) => container.name === name)?.id,
    async clear() {
      desire();
      await until(
        "all gone",
        (report) => report.appliedGeneration !== undefined && report.world?.containers.length === 0,
      );
      await reconciler.stop();
    },
    stop: () => reconciler.stop(),
  };
}

export function isWell(state: string): boolean {
  return state === "running" || state === "completed";
}

/** A revision of a stack around a model. */
export function stackOf(name: string, revision: number, model: Omit<ComposeModel, "name">): DesiredStack {
  return {
    stackId: `stk_${name}`,
    stackName: name,
    project: name,
    revision,
    bodyDigest: `body-${name}-${revision}`,
    model: { name, ...model } as ComposeModel,
    files: {},
    images: {},
  };
}
