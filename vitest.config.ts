import { defineConfig } from "vitest/config";

// `import` and `default` are added where they belong; named here they would reach `require` too.
const conditions = ["@windflow/source", "node"];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const packages = "{proto,core,agent,control-plane,installer,scripts,e2e,bench}";
const never = ["**/node_modules/**", "**/dist/**", "**/.cache/**"];
// What a suite leaves out: --exclude does not reach projects.
const without = (process.env["TEST_WITHOUT"] ?? "").split(",").filter((pattern) => pattern !== "");

// Waits have room on a machine that does much at once.
const patient = { setupFiles: ["./scripts/test/patient-waits.ts"], expect: { poll: { timeout: 60_000 } } };
// What failed all the same among real machines is tried once more; that it was is said at the end (docs/adr/0059).
const SECOND_TRY = { retry: 1 };

// Each wait inside a test has a limit of its own that fails first and says why.
const INTEGRATION_TIMEOUT_MS = 300_000;
const E2E_TIMEOUT_MS = 600_000;

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: [`${packages}/**/*.test.ts`],
          exclude: [...never, "**/*.int.test.ts", "**/*.e2e.test.ts", "**/*.tool.test.ts", "**/*.soak.test.ts"],
          environment: "node",
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          ...SECOND_TRY,
          name: "integration",
          include: [`${packages}/**/*.int.test.ts`],
          exclude: [...never, ...without],
          environment: "node",
          pool: "forks",
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_TIMEOUT_MS,
        },
      },
      {
        ...shared,
        test: {
          name: "tool",
          include: [`${packages}/**/*.tool.test.ts`],
          exclude: never,
          environment: "node",
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          ...SECOND_TRY,
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          exclude: [...never, "e2e/src/browser/**"],
          environment: "node",
          pool: "forks",
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          ...SECOND_TRY,
          name: "browser",
          include: ["e2e/src/browser/*.e2e.test.ts"],
          exclude: never,
          environment: "node",
          pool: "forks",
          fileParallelism: false,
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          name: "soak",
          include: ["e2e/**/*.soak.test.ts"],
          exclude: never,
          environment: "node",
          pool: "forks",
          fileParallelism: false,
          hookTimeout: E2E_TIMEOUT_MS,
        },
      },
      "ui/vitest.config.ts",
    ],
  },
});
