import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  resolve: { conditions: ["@windflow/source", "browser", "import", "default"] },
  test: { name: "ui", root: import.meta.dirname, include: ["src/**/*.test.ts"], environment: "happy-dom" },
});
