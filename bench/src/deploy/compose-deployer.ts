import type { TestEngine } from "@windflow/e2e/testbed";
import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deployer } from "./deployer.ts";
import type { BenchStack } from "./stacks.ts";

/** `docker compose` as a person types it, in a folder of its own. */
export async function composeDeployer(engine: TestEngine, stack: BenchStack): Promise<Deployer> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-bench-"));
  const write = (version: number): Promise<void> => writeFile(join(folder, "compose.yaml"), stack.compose(version));
  // The command line finds `compose` as a plugin in its configuration folder.
  await symlink(engine.programs.pluginFolder, join(folder, "cli-plugins"));
  const environment = {
    ...engine.programs.environment(process.env),
    DOCKER_HOST: `unix://${engine.socketPath}`,
    DOCKER_CONFIG: folder,
  };
  const compose = (...args: string[]): Promise<void> => runQuietly("docker", ["compose", ...args], folder, environment);
  await write(1);
  return {
    cold: () => compose("up", "-d", "--wait"),
    noop: () => compose("up", "-d", "--wait"),
    change: async () => {
      await write(2);
      await compose("up", "-d", "--wait");
    },
    down: () => compose("down"),
    cleanUp: async () => {
      await compose("down", "--volumes");
      await rm(folder, { recursive: true });
    },
  };
}

function runQuietly(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ${args.join(" ")} ended with ${code}: ${errors}`)),
    );
  });
}
