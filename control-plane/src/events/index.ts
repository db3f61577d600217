export type { ChangeKind, NewEvent, ResourceChange, ResourceKind, Severity } from "./model.ts";
export { severityOf } from "./model.ts";
export { announce, recordEvent, recordEvents, resourceChanged, type IdentifiedEvent } from "./record.ts";
export { eventsHandlers } from "./handlers.ts";
export { createWatcher, type Watcher } from "./watch.ts";
export { createEventsWorker } from "./worker.ts";
