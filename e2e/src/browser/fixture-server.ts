import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "@windflow/e2e/testbed";

/** The double of the control plane that the web application is worked on with; real HTTP, invented answers. */
export interface FixtureServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** How much of everything the large world has. */
export interface FixtureAmounts {
  hosts?: number;
  /** Lines of a log. */
  lines?: number;
}

export async function startFixtureServer(
  port: number,
  world: "large",
  uiFolder: string,
  { hosts, lines }: FixtureAmounts = {},
): Promise<FixtureServer> {
  const script = join(repositoryRoot, "ui/dev/main.ts");
  const args = ["--conditions=@windflow/source", script, String(port), world, uiFolder];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      ...(hosts === undefined ? {} : { WINDFLOW_FIXTURE_HOSTS: String(hosts) }),
      ...(lines === undefined ? {} : { WINDFLOW_FIXTURE_LINES: String(lines) }),
    },
  });
  if (child.stdout === null) throw new Error("the fixture server has no output");
  // It prints a line when it listens.
  await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}
