export {
  type BuiltAgentOptions,
  builtAgent,
  builtControlPlane,
  imageBase,
  testbedFacts,
} from "./built-programs.ts";
export { type EngineChoice, type TestEngine, startTestEngine, testEnginePrograms } from "./test-engine.ts";
export { type BareRoot, type BareSystem, bareRoot } from "./bare-root.ts";
export { type Switch, createSwitch } from "./switch.ts";
export { clockLibrary, fastClock } from "./clock.ts";
export { type Machine, type MachineProcess, createMachine } from "./machine.ts";
export { cacheFolder, repositoryRoot } from "./paths.ts";
export { type ImageName, buildImages, imageTar } from "./images.ts";
export { type TestPostgres, freePort, postgres15 } from "./postgres.ts";
export { type Fleet, type FleetHost, type FleetOptions, canMakeMachines, createFleet } from "./fleet.ts";
export { type Chromium, chromium } from "./chromium.ts";
export { type RegistryAuthority, createRegistryAuthority } from "./registry-authority.ts";
export { type MadeImage, type MadeLayer, makeImage, publishImage } from "./published-image.ts";
export { type RegistryOptions, type TestRegistry, startLocalRegistry, startRegistry } from "./registry.ts";
export { busyboxFolder } from "./busybox.ts";
export { type HardLink, type HardLinkOptions, startHardLink } from "./hard-link.ts";
export { curlFolder } from "./curl.ts";
export { type ComposeProgram, firstCompose, olderCompose } from "./older-compose.ts";
export { type TestPodman, startTestPodman } from "./podman.ts";
export { type TestVictoriaMetrics, nodeExporter, promtool, startVictoriaMetrics } from "./metrics-tools.ts";
