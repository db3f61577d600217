import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, nodeCommand, runAgentCommand } from "@windflow/installer";
import { type FleetHost, repositoryRoot } from "@windflow/e2e/testbed";

/** A host with the agent on its disk, as `windflow-agent`, that has not enrolled. */
export interface BareHost {
  /** Runs a line as a person pastes it into a root shell. */
  paste(line: string): Promise<string>;
  startAgent(): Promise<Program>;
}

export async function putAgentOnDisk({ machine, engine }: FleetHost): Promise<BareHost> {
  const stateFolder = join(machine.folder, "agent");
  const binFolder = join(machine.folder, "bin");
  const place = { root: repositoryRoot, stateFolder };
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await mkdir(binFolder, { recursive: true });
  const command = nodeCommand(repositoryRoot, "agent/src/main.ts", []);
  const words = command.map((word) => `'${word}'`).join(" ");
  const program = join(binFolder, "windflow-agent");
  await writeFile(program, `#!/bin/sh\nexec ${words} "$@" --state-dir '${stateFolder}'\n`);
  await chmod(program, 0o755);
  return {
    paste: (line) => machine.exec(["sh", "-c", `PATH='${binFolder}':$PATH; ${line}`]),
    startAgent: () =>
      machine.run(runAgentCommand({ ...place, socketPath: engine.socketPath }), {
        logFile: join(machine.folder, "agent.log"),
      }),
  };
}
