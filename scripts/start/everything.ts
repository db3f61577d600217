import { type ControlPlane, startControlPlane } from "@windflow/installer";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildUi, isUiCurrent } from "../build/ui.ts";
import { reachableNames } from "./addresses.ts";
import { stopContainers } from "./containers.ts";
import { type LocalEngine, ensureEngine } from "./engine.ts";
import { deployHello, removeStack } from "./hello.ts";
import { type LocalHost, startLocalHost } from "./host.ts";
import type { StartOptions } from "./options.ts";
import { choosePorts } from "./remembered.ts";
import type { Teardown } from "./teardown.ts";

export interface Setting {
  root: string;
  /** Of this start: control plane, agent, logs. */
  stateFolder: string;
  /** Of the private engine, shared by all starts of the checkout. */
  engineFolder: string;
  options: StartOptions;
  env: NodeJS.ProcessEnv;
  teardown: Teardown;
  say: (line: string) => void;
}

export interface Everything {
  controlPlane: ControlPlane;
  /** URL of the hello page. */
  page: string;
}

/** Brings up the whole chain: UI, engine, control plane, local host, stack. What it starts is added to the teardown. */
export async function startEverything(setting: Setting): Promise<Everything> {
  const { root, stateFolder, options, say } = setting;
  await mkdir(join(stateFolder, "logs"), { recursive: true, mode: 0o700 });
  if (!isUiCurrent(root)) {
    say("building the web UI …");
    buildUi(root);
  }
  const engine = await startEngine(setting);
  const ports = await choosePorts(stateFolder, options, say);
  const controlPlane = await startServer(setting, ports.port);
  const host = await startHost(setting, controlPlane, engine);
  // Two stacks of one name on one engine would take each other's containers: the check has a name of its own.
  const stackName = options.smoke ? "hello-smoke" : "hello";
  if (options.smoke) setting.teardown.add(`the stack ${stackName}`, () => removeStack(controlPlane, stackName));
  const { socketPath } = engine;
  const { hostId } = host;
  const page = await deployHello({ root, controlPlane, socketPath, stackName, hostId, port: ports.helloPort, say });
  return { controlPlane, page };
}

async function startEngine({ root, engineFolder, env, options, teardown, say }: Setting): Promise<LocalEngine> {
  const engine = await ensureEngine(root, engineFolder, env, say);
  say(engine.description);
  // One that runs already may belong to a start that goes on after this check.
  if (engine.own && !(options.smoke && engine.adopted)) teardown.add("the private engine", () => engine.stop());
  return engine;
}

async function startServer(
  { root, stateFolder, env, options, teardown, say }: Setting,
  port: number,
): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({
    root,
    stateFolder: join(stateFolder, "control-plane"),
    address: "0.0.0.0",
    port,
    names: reachableNames(),
    uiFolder: join(root, "ui/dist"),
    resetAdminPassword: options.resetAdminPassword,
    logFile: join(stateFolder, "logs/control-plane.log"),
    env,
  });
  teardown.add("the control plane", () => controlPlane.program.stop());
  say(`the control plane is ready at ${controlPlane.url}`);
  return controlPlane;
}

async function startHost(setting: Setting, controlPlane: ControlPlane, engine: LocalEngine): Promise<LocalHost> {
  const { root, stateFolder, env, options, teardown, say } = setting;
  const { socketPath } = engine;
  const host = await startLocalHost({
    root,
    controlPlane,
    stateFolder: join(stateFolder, "agent"),
    socketPath,
    logFile: join(stateFolder, "logs/agent.log"),
    env,
  });
  const { organizationId } = controlPlane.credential;
  if (!engine.own && !options.smoke) {
    teardown.add("the containers of its stacks (they stay on the disk)", () =>
      stopContainers(socketPath, organizationId),
    );
  }
  teardown.add("the agent", () => host.program.stop());
  say(`the host "${host.name}" is online${host.enrolledNow ? ", enrolled with a join token just now" : ""}`);
  return host;
}
