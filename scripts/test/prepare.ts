// Brings onto the machine what the chosen suites need, one after the other, saying so: later, many test files ask at once.
import {
  type TestPostgres,
  buildImages,
  chromium,
  packagedPostgres,
  postgres15,
  startTestEngine,
  startTestPodman,
  testEnginePrograms,
} from "@windflow/e2e/testbed";
import { join } from "node:path";
import { buildUi, isUiCurrent } from "../build/ui.ts";
import type { Need } from "./suites.ts";

export interface Prepared {
  /** Added to the environment of suites that ask for the need. */
  environmentOf(needs: readonly Need[]): Record<string, string>;
  close(): Promise<void>;
}

interface Ready {
  environment?: Record<string, string>;
  close?: () => Promise<void>;
}

const root = join(import.meta.dirname, "../..");

const serving = (server: TestPostgres): Ready => ({
  environment: { TEST_DATABASE_URL: server.url },
  close: () => server.stop(),
});

const STEPS: Record<Need, { what: string; run: () => Promise<Ready> }> = {
  postgres: { what: "PostgreSQL", run: async () => serving(await packagedPostgres()) },
  "postgres-15": { what: "PostgreSQL 15", run: async () => serving(await postgres15()) },
  engine: {
    what: "Docker Engines, Podman and the test images",
    run: async () => {
      const engine = await startTestEngine();
      await buildImages(engine.docker, ["busybox", "nginx", "redis", "python"]);
      await engine.stop();
      await testEnginePrograms("20.10");
      await (await startTestPodman()).stop();
      return {};
    },
  },
  chromium: {
    what: "Chromium",
    run: async () => {
      await chromium();
      return {};
    },
  },
  "ui-bundle": {
    what: "the web UI",
    run: () => {
      if (!isUiCurrent(root)) buildUi(root);
      return Promise.resolve({});
    },
  },
};

/** Prepares each of the needs once. Throws with what is missing and what to do. */
export async function prepareForTests(needs: readonly Need[]): Promise<Prepared> {
  const ready = new Map<Need, Ready>();
  for (const need of new Set(needs)) {
    const started = performance.now();
    ready.set(need, await STEPS[need].run());
    console.log(`prepared ${STEPS[need].what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  return {
    environmentOf: (wanted) =>
      Object.assign({}, ...wanted.map((need) => ready.get(need)?.environment ?? {})) as Record<string, string>,
    close: async () => {
      for (const one of ready.values()) await one.close?.();
    },
  };
}
