import vue from "@vitejs/plugin-vue";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// Where `vite dev` sends API calls: the control plane, or the fixture server of dev/.
const API_ORIGIN = process.env["WINDFLOW_DEV_API"] ?? "https://127.0.0.1:8443";

/** Parts of the kit that are large and that few pages use; they load with those pages. */
const HEAVY = /\/kit\/(?:code-editor|editor-|terminal|chart|style-document|theme-color)/;

/** One chunk of what nearly every page uses: HTTP/1.1 is slow with a hundred small files. */
function isOfEveryPage(id: string): boolean {
  if (/\/ui\/src\/(?:kit|app|locales\/en)\//.test(id)) return !HEAVY.test(id) && !/\/app\/(?:shell|not-found)/.test(id);
  return /\/node_modules\/(?:@vue|vue|vue-router|pinia|@pinia|vue-i18n|@intlify|reka-ui|@lucide|@tanstack|@floating-ui)\//.test(
    id,
  );
}

/** Writes a .br beside each text file, so that the control plane compresses nothing while it serves. */
const compressed: Plugin = {
  name: "windflow-compressed",
  apply: "build",
  writeBundle({ dir = "dist" }, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      if (!/\.(js|css|svg)$/.test(name)) continue;
      writeFileSync(join(dir, `${name}.br`), brotliCompressSync(file.type === "chunk" ? file.code : file.source));
    }
  },
};

export default defineConfig({
  plugins: [vue(), compressed],
  resolve: { conditions: ["@windflow/source", "module", "browser", "development|production"] },
  define: { __VUE_I18N_LEGACY_API__: false, __VUE_I18N_FULL_INSTALL__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    // The first browsers with light-dark(), which the themes are written in.
    target: ["chrome123", "firefox120", "safari17.5"],
    // A data: URI would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "kit", test: isOfEveryPage, priority: 1 }] } } },
  },
  server: {
    proxy: {
      "/v1": {
        target: API_ORIGIN,
        secure: false,
        changeOrigin: true,
        ws: true,
        // The control plane takes writes from its own origin only.
        configure: (proxy) => {
          proxy.on("proxyReq", (request) => request.setHeader("origin", API_ORIGIN));
          proxy.on("proxyReqWs", (request) => request.setHeader("origin", API_ORIGIN));
        },
      },
    },
  },
});
