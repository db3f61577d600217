export { type Daemon, type DaemonPlace, onlyChild, startDaemon } from "./engine/daemon.ts";
export { type FoundEngine, findEngine } from "./engine/find.ts";
export { isAlive, withLock } from "./engine/lock.ts";
export { type EngineAddress, type EngineAnswer, pingEngine } from "./engine/ping.ts";
export { type PrivateApt, type PrivateAptOptions, type Suite, openPrivateApt } from "./engine/private-apt.ts";
export { type PrivateEngine, type PrivateEngineOptions, startPrivateEngine } from "./engine/private-engine.ts";
export type { EngineRelease } from "./engine/release.ts";
export { run, succeeds } from "./engine/run.ts";
export { SetupError } from "./engine/setup-error.ts";
export { type UnpackOptions, type UnpackedEngine, alteredFiles, unpackEngine } from "./engine/unpacked-engine.ts";
export { buildHelloImages } from "./images/hello.ts";
export { type ImageSource, imageLabel, importImage } from "./images/import.ts";
export { type TarOptions, type TreeRecipe, packTree, packageTar } from "./images/package-tar.ts";
export { type ApiAccess, openApi } from "./local/api.ts";
export { type Deployment, beginDeploy, describeRollout, followRollout } from "./local/deploy.ts";
export {
  type Program,
  type ProgramOptions,
  boundToThisProcess,
  nodeCommand,
  startProgram,
  watchProgram,
} from "./local/program.ts";
export { type Fetch, trustingFetch } from "./local/trusting-fetch.ts";
export { type AgentPlace, type EnrollOptions, enrollCommand, runAgentCommand } from "./local/agent.ts";
export {
  type ControlPlane,
  type ControlPlaneOptions,
  type FirstPassword,
  type LocalCredential,
  startControlPlane,
} from "./local/control-plane.ts";
