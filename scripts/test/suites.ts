export type Need = "ui-bundle" | "engine" | "postgres-15" | "chromium";

export interface Suite {
  name: string;
  what: string;
  /** Project of vitest.config.ts. */
  project: string;
  /** Path filters of vitest; empty runs the whole project. */
  filters: string[];
  /** What has to be on the machine first. */
  needs: Need[];
  /** Suites of one lane run one after the other, the lanes beside each other: most of their time is waiting for others to do things. */
  lane: "values and databases" | "engines" | "hosts and browsers";
  /** Seconds on two cores; more is said at the end, never a failure: times on shared machines are noise. */
  budgetSeconds: number;
}

/** Everything that `npm test` runs, cheapest first. */
export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    what: "values only",
    project: "unit",
    filters: [],
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
    what: "the control plane on the embedded PostgreSQL",
    project: "integration",
    filters: ["control-plane/"],
    needs: [],
    lane: "values and databases",
    budgetSeconds: 180,
  },
  {
    name: "control-plane-pg15",
    what: "the same on PostgreSQL 15, but for what starts a server of its own",
    project: "integration",
    filters: ["control-plane/"],
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
    needs: ["engine"],
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
    needs: ["engine", "chromium", "ui-bundle"],
    lane: "hosts and browsers",
    budgetSeconds: 600,
  },
];
