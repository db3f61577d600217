export { containersErrors } from "./errors.ts";
export { hostObserved } from "./events.ts";
export { containersHandlers, TERMINAL_TICKET, ticketTerminal } from "./handlers.ts";
export { storeObserved, type ObservedReport } from "./observe.ts";
export type { ContainerFigures, ContainerGateway, ContainerStream, TerminalHolder, TerminalRights } from "./ports.ts";
export { createContainersService, type ContainersService } from "./service.ts";
export { readObservedHosts, readObservedStacks, type ObservedHost, type ObservedStackRow } from "./store-observed.ts";
export { createTerminalSessions, type TerminalSessions } from "./terminals.ts";
