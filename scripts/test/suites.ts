import { availableParallelism } from "node:os";

export type Need = "ui-bundle" | "engine" | "postgres" | "postgres-15" | "chromium";

export interface Suite {
  name: string;
  what: string;
  /** Project of vitest.config.ts. */
  project: string;
  /** Path filters of vitest; empty runs the whole project. */
  filters: string[];
  /** Files that it leaves out, as patterns of vitest. */
  without?: readonly string[];
  /** Files one after the other in one process: what they share is loaded once. Only where no file changes what others see. */
  inOneProcess?: boolean;
  /** Files beside each other; without it one less than there are processors. */
  atOnce?: number;
  /** What has to be on the machine first. */
  needs: Need[];
  /** Suites of one lane run one after the other, the lanes beside each other: most of their time is waiting for others to do things. */
  lane: "values and databases" | "engines" | "hosts and browsers";
  /** Seconds on two cores; more is said at the end, never a failure: times on shared machines are noise. */
  budgetSeconds: number;
}

const inControlPlane = (...names: readonly string[]): string[] =>
  names.map((name) => `control-plane/src/${name}.int.test.ts`);

/** They start what they need themselves, the control plane's own database too. */
const WITH_OWN_SERVER = inControlPlane(
  "compose/renderer",
  "crash",
  "main",
  "platform/postgres/embedded",
  "stacks/stack-folder",
);

/** Their owner of the database is no superuser: from PostgreSQL 16 on it may not use roles that another one has made on the same server. */
const WITH_OWN_ROLES = inControlPlane("platform/db/plain-owner", "platform/db/upgrade");

/** Beside what they are about, they ask the database only for what others ask it too. */
const WITHOUT_SQL_OF_THEIR_OWN = [
  "control-plane/src/api/**",
  "control-plane/src/hosts/install*",
  "control-plane/src/platform/packaged/**",
  ...inControlPlane("canary", "metrics/doors", "rollouts/waves-doors"),
];

/** Everything that `npm test` runs, cheapest first. */
export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    what: "values only",
    project: "unit",
    filters: [],
    inOneProcess: true,
    needs: [],
    lane: "values and databases",
    budgetSeconds: 30,
  },
  {
    name: "ui",
    what: "components and stores in happy-dom",
    project: "ui",
    filters: [],
    needs: [],
    lane: "values and databases",
    budgetSeconds: 30,
  },
  {
    name: "control-plane",
    what: "the control plane on the PostgreSQL that it brings along",
    project: "integration",
    filters: ["control-plane/"],
    without: [...WITH_OWN_SERVER, ...WITH_OWN_ROLES],
    inOneProcess: true,
    needs: ["postgres"],
    lane: "values and databases",
    budgetSeconds: 180,
  },
  {
    name: "control-plane-whole",
    what: "the control plane as a program, with a database of its own",
    project: "integration",
    filters: [...WITH_OWN_SERVER, ...WITH_OWN_ROLES],
    needs: [],
    lane: "values and databases",
    budgetSeconds: 120,
  },
  {
    name: "control-plane-pg15",
    what: "the same on PostgreSQL 15, where the database has a say",
    project: "integration",
    filters: ["control-plane/"],
    without: [...WITH_OWN_SERVER, ...WITHOUT_SQL_OF_THEIR_OWN],
    inOneProcess: true,
    needs: ["postgres-15"],
    lane: "values and databases",
    budgetSeconds: 180,
  },
  {
    name: "soak",
    what: "short forms of `npm run soak`: two minutes in which everything fails",
    project: "soak",
    filters: [],
    needs: ["engine"],
    // Most of it is waiting.
    lane: "engines",
    budgetSeconds: 300,
  },
  {
    name: "browser",
    what: "people's paths in a real browser",
    project: "browser",
    filters: [],
    needs: ["engine", "chromium", "ui-bundle"],
    lane: "hosts and browsers",
    budgetSeconds: 240,
  },
  {
    name: "integration",
    what: "agent and tools with a real Docker Engine, sockets and disks",
    project: "integration",
    filters: ["agent/", "installer/", "e2e/", "scripts/", "core/", "proto/", "bench/"],
    // Most of their time is waiting for engines.
    atOnce: Math.max(2, availableParallelism() - 1),
    needs: ["engine", "chromium"],
    lane: "engines",
    budgetSeconds: 240,
  },
  {
    name: "tool",
    what: "recorded answers beside the real docker compose",
    project: "tool",
    filters: [],
    needs: ["engine"],
    lane: "engines",
    budgetSeconds: 90,
  },
  {
    name: "e2e",
    what: "hosts in network namespaces",
    project: "e2e",
    filters: [],
    // Half of their time is waiting for leases to end.
    atOnce: 2,
    needs: ["engine", "chromium", "ui-bundle"],
    lane: "hosts and browsers",
    budgetSeconds: 600,
  },
];
