export type { ChangeKind, NewEvent, ResourceChange, ResourceKind, Severity } from "./model.ts";
export { severityOf } from "./model.ts";
export { announce, recordEvent, recordEvents, resourceChanged, type IdentifiedEvent } from "./record.ts";
