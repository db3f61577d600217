export type { AuditEntry } from "./model.ts";
export { createAudit, type Audit, type AuditedAct } from "./service.ts";
