/** One act that changed something, as it is kept for good. */
export interface AuditEntry {
  readonly organizationId: string;
  /** 1, 2, 3 … without gaps in each organization. */
  readonly sequence: bigint;
  readonly id: string;
  readonly at: Date;
  readonly callerKind: string;
  readonly callerId: string;
  readonly callerName: string;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** `hosts.revoke`: the noun and the verb. */
  readonly action: string;
  readonly targetKind: string;
  readonly targetId: string;
  /** What a reader needs to understand it; never a secret. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The bytes that an entry's digest is taken over: every field in a fixed order, after the digest of the one before. */
export function auditText(entry: AuditEntry, previousHex: string): string {
  return JSON.stringify([
    previousHex,
    entry.organizationId,
    entry.sequence.toString(),
    entry.id,
    entry.at.toISOString(),
    entry.callerKind,
    entry.callerId,
    entry.callerName,
    entry.remoteAddress,
    entry.requestId,
    entry.action,
    entry.targetKind,
    entry.targetId,
    canonical(entry.detail),
  ]);
}

/** Objects with their keys sorted: the database gives them back in another order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]));
}
