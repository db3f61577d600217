import { createInstallation, type Installation } from "@windflow/e2e";
import { type Machine, buildImages, builtAgent, fastClock } from "@windflow/e2e/testbed";
import { type Program, run } from "@windflow/installer";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";

// A session is there after half a second; the rest is for a loaded machine.
const WELCOME_TIMEOUT_MS = 60_000;

/** One host with an engine of its own, a control plane in another machine, and the built agent between them. */
export interface Site {
  readonly installation: Installation;
  readonly machine: Machine;
  readonly agentProgram: string;
  /** The agent that runs. */
  agent: Program;
  /** Ends the agent and starts it anew. @param speed seconds that pass for it in one */
  restartAgent(speed?: number): Promise<void>;
  /** The arguments with which it is run. */
  readonly agentCommand: readonly string[];
  remove(): Promise<void>;
}

export async function createSite(): Promise<Site> {
  const built = await builtAgent();
  const installation = await createInstallation(1);
  const [host] = installation.hosts;
  if (host === undefined) throw new Error("the testbed made no host");
  const { machine, engine } = host.host;
  // A file of its own, which no other agent of this machine has in its memory.
  const agentProgram = join(machine.folder, "windflow-agent");
  await copyFile(built, agentProgram);
  await run("sync", [agentProgram]);
  const settings = ["--state-dir", join(machine.folder, "agent"), "--docker-host", `unix://${engine.socketPath}`];
  const agentCommand = [agentProgram, "run", ...settings];
  // The installation enrolled by the public way and runs from sources; what is measured is what is shipped.
  await host.agent.stop();
  await buildImages(engine.docker, ["busybox"]);
  const start = async (speed: number): Promise<Program> => {
    // Just written, it would be in memory whole, and each page that is touched would bring its neighbours along.
    await run("dd", [`if=${agentProgram}`, "iflag=nocache", "count=0"]);
    const env = { MALLOC_ARENA_MAX: "1", ...(speed === 1 ? {} : await fastClock(speed)) };
    const agent = await machine.run(agentCommand, { env, logFile: join(machine.folder, "agent.log") });
    await agent.waitFor(/welcomed this host/, WELCOME_TIMEOUT_MS);
    return agent;
  };
  const site: Site = {
    installation,
    machine,
    agentProgram,
    agentCommand,
    agent: await start(1),
    restartAgent: async (speed = 1) => {
      await site.agent.stop();
      site.agent = await start(speed);
    },
    remove: () => installation.remove(),
  };
  return site;
}
