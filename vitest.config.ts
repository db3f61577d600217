import { defineConfig } from "vitest/config";

const conditions = ["@windflow/source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["{proto,core,agent,control-plane,installer,scripts}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/.cache/**", "**/*.int.test.ts"],
    environment: "node",
    pool: "threads",
  },
});
