import { openReconcileMemory } from "../../state/reconcile-memory.ts";
import { stackOf, startHarness } from "./harness.ts";
import { idleService } from "./services.ts";

/**
 * Deploys a revision of a stack, or with 0 removes it, and says so; made to be killed at any moment. Arguments: socket, revision,
 * folder for its memory, and where it kills itself: an operation and the phase of its step.
 */
const [socketPath = "", revision = "1", folder = "", killAt = ""] = process.argv.slice(2);

const web = idleService({ environment: { REVISION: revision } });
const hooks = { post_start: [{ command: ["true"] }], pre_stop: [{ command: ["true"] }] };
const stack = {
  ...stackOf("shop", Number(revision), {
    networks: { default: { name: "shop_default", ipam: {}, internal: revision === "3" } },
    volumes: { data: { name: "shop_data", ...(revision === "4" ? { labels: { settings: "other" } } : {}) } },
    services: {
      db: { ...web, volumes: [{ type: "volume", source: "data", target: "/data" }] },
      web: { ...web, ...hooks, scale: 2, depends_on: { db: { condition: "service_started", required: true } } },
    },
  }),
  recreateVolumes: ["data"],
};
const harness = startHarness(socketPath, {
  memory: openReconcileMemory(folder, () => undefined),
  onProgress({ op, phase }) {
    if (killAt === `${op} ${phase}`) process.kill(process.pid, "SIGKILL");
  },
});
await harness.deploy(...(revision === "0" ? [] : [stack]));
process.stdout.write("converged\n");
await harness.stop();
process.exit(0);
