export { createGateProbes, type GateProbes } from "./gate-probes.ts";
