/** One line of the agent's log, whatever wrote it. */
export interface LogLine {
  /** Milliseconds since 1970; undefined for what is no line of the agent's own. */
  readonly atMs: number | undefined;
  readonly text: string;
}

const FIXED = new Set(["time", "level", "msg"]);
const LEVEL_WIDTH = 5;

/** A JSON line as the agent writes it; other text stays as it is: what a crash printed belongs to the story. */
export function parseLogLine(raw: string): LogLine {
  const fields = fieldsOf(raw);
  const time = typeof fields?.["time"] === "string" ? Date.parse(fields["time"]) : Number.NaN;
  return { atMs: Number.isNaN(time) ? undefined : time, text: raw };
}

/** For a person: `2026-11-23T01:50:00.000Z warn  The session ended. reason=…`. */
export function formatLogLine({ atMs, text }: LogLine): string {
  const fields = fieldsOf(text);
  if (atMs === undefined || fields === undefined) return text;
  const { level, msg } = fields;
  const rest = Object.entries(fields)
    .filter(([name]) => !FIXED.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  return [new Date(atMs).toISOString(), textOf(level).padEnd(LEVEL_WIDTH), textOf(msg), ...rest].join(" ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function shown(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}

function fieldsOf(raw: string): Partial<Record<string, unknown>> | undefined {
  if (!raw.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
