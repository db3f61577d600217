import { systemClock } from "../../platform/clock.ts";
import { startHarness } from "../../reconcile/testing/harness.ts";
import { webStack } from "../../reconcile/testing/services.ts";
import type { GateProbe } from "@windflow/core";
import { createGateProbes } from "../gate-probes.ts";

/**
 * Runs a web server and its probes, and writes their states, a line of JSON each time that they change. To be run where the containers'
 * addresses can be reached. Arguments: socket, attempt, probes as JSON, command of the service as JSON.
 */
const [socketPath = "", attempt = "", probesJson = "[]", commandJson = "[]"] = process.argv.slice(2);

const stack = {
  ...webStack("probed", 1, { command: JSON.parse(commandJson) as string[], restart: "always" }),
  attempt,
  probes: JSON.parse(probesJson) as GateProbe[],
};
const world = { organizationId: "org_1", generation: "1.1", stacks: [stack] };
const harness = startHarness(socketPath, {
  onObserved: (report) => probes.follow(report, world),
  desired: () => world,
});
const probes = createGateProbes({
  engine: harness.engine,
  clock: systemClock,
  log: () => undefined,
  onChanged: () => process.stdout.write(`${JSON.stringify(probes.of(stack.stackId))}\n`),
});
// Every timer of the loop lets the process end; it is ended from outside.
setInterval(() => undefined, 2 ** 30);
