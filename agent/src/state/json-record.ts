/** An object that was read from JSON, of which nothing is known yet. */
export function isRecord(value: unknown): value is Partial<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
