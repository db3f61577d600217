import { openReconcileMemory } from "../../state/reconcile-memory.ts";
import { stackOf, startHarness } from "./harness.ts";

/** Deploys a revision of a stack and says so; made to be killed at any moment. Arguments: socket, revision, folder for its memory. */
const [socketPath = "", revision = "1", folder = ""] = process.argv.slice(2);

const IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
const web = {
  image: "wf/busybox:1",
  command: IDLE,
  entrypoint: null,
  networks: { default: null },
  environment: { REVISION: revision },
};
const harness = startHarness(socketPath, { memory: openReconcileMemory(folder, () => undefined) });
await harness.deploy(
  stackOf("shop", Number(revision), {
    networks: { default: { name: "shop_default", ipam: {}, internal: revision === "3" } },
    volumes: { data: { name: "shop_data" } },
    services: {
      db: { ...web, volumes: [{ type: "volume", source: "data", target: "/data" }] },
      web: { ...web, scale: 2, depends_on: { db: { condition: "service_started", required: true } } },
    },
  }),
);
process.stdout.write("converged\n");
await harness.stop();
process.exit(0);
