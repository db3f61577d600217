export { containersErrors } from "./errors.ts";
export { hostObserved } from "./events.ts";
export { containersHandlers, TERMINAL_TICKET, ticketTerminal } from "./handlers.ts";
export { storeObserved } from "./observe.ts";
export type { TerminalRights } from "./ports.ts";
export { createContainersService } from "./service.ts";
export { fillCounted, readStackGroups, type StackGroup } from "./stack-groups.ts";
export { listProjects, readProjectContainers, type ObservedProject } from "./store-projects.ts";
export {
  confirmObserved,
  readObservedHosts,
  readObservedStacks,
  readHostsWith,
  readPublishedPorts,
  type ObservedHost,
  type ObservedStackRow,
} from "./store-observed.ts";
export { createTerminalSessions } from "./terminals.ts";
