export { createAgents, type Agents } from "./agents.ts";
export { agentsErrors } from "./errors.ts";
export type { AgentGateway, ContainerAction } from "./gateway.ts";
export { agentService } from "./handlers.ts";
export type {
  AgentHooks,
  AgentReleases,
  AgentUpdateReport,
  DesiredReply,
  DesiredStateOfHost,
  DesiredStatePort,
  HostReference,
  NewEntries,
  ObservedReport,
  SpoolSink,
  WantedAgent,
} from "./ports.ts";
export { replicaService } from "./replicas/service.ts";
export { readObserved } from "./store.ts";
export type { HostStream, HostStreamCommand, StreamFromHost, StreamToHost } from "./streams.ts";
export { generationText, type DesiredGeneration } from "./wire.ts";
