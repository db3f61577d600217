import { existsSync, unlinkSync } from "node:fs";
import { startAgent } from "../../agent.ts";
import { readConfig } from "../../config.ts";
import { createLog } from "../../platform/log.ts";
import { claimState } from "../../state/state-claim.ts";
import { absentEngine } from "../../testing/quiet-engine.ts";
import { AGENT_VERSION, describeVersion } from "../../version.ts";
import { installationOf, leaveTo } from "../index.ts";

/**
 * An agent as `windflow-agent run` makes it, that kills itself once at a moment of an update: KILL_AT says which, of which version, and
 * the file KILL_FILE that it has not happened yet.
 */
async function run(stateDir: string): Promise<void> {
  const { KILL_AT: killAt, KILL_FILE: killFile = "" } = process.env;
  const release = await claimState(stateDir);
  const installation = installationOf(process.env);
  const agent = startAgent(readConfig({ stateDir, dockerHost: "unix:///nonexistent.sock" }), {
    log: createLog("info", (line) => void process.stdout.write(line), Date.now),
    engine: absentEngine(),
    random: () => 0.05,
    installation,
    updateFaults(point) {
      if (killAt !== `${AGENT_VERSION}: ${point}` || !existsSync(killFile)) return;
      unlinkSync(killFile);
      process.kill(process.pid, "SIGKILL");
    },
  });
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  const reason = await new Promise<"stop" | "hand-over">((resolve) => {
    process.on("SIGTERM", () => resolve("stop"));
    agent.onHandOver(() => resolve("hand-over"));
  });
  if (reason === "hand-over" && installation !== undefined) await leaveTo(installation, () => agent.stop(), release);
  await agent.stop();
  release();
  clearInterval(keepAlive);
}

const [command, , stateDir = ""] = process.argv.slice(2);
if (command === "run")
  run(stateDir).catch((error: unknown) => (process.stderr.write(`${String(error)}\n`), process.exit(1)));
else if (command === "--version") process.stdout.write(`${describeVersion()}\n`);
else {
  process.stderr.write("error: unknown command\n");
  process.exitCode = 1;
}
