import type { Clock, Database, Log } from "../platform/index.ts";
import { buildTold } from "./events.ts";
import type { Build, OutputLine } from "./model.ts";
import { readLines, writeLines } from "./store.ts";

/** The output of a build on its way to the database, from where every control plane can show it. */
export interface Output {
  add(service: string, text: string): void;
  /** Writes what waits. */
  flush(): Promise<void>;
  /** Writes what is left, and stops. */
  end(): Promise<void>;
}

// A person who watches sees it as live; a builder that prints much costs two writes a second.
const FLUSH_MS = 500;
/** What is kept of one build: the newest. */
export const LINES_KEPT = 2_000;
const CHARACTERS_KEPT = 1024 * 1024;
const LINE_CHARACTERS = 4_000;
// A line that is not written yet has no limit but this; the host sends no faster than it is read.
const WAITING_LINES = 5_000;

export async function openOutput(
  parts: { readonly database: Database; readonly clock: Clock; readonly log: Log },
  build: Pick<Build, "id" | "organizationId">,
): Promise<Output> {
  const { database, clock, log } = parts;
  const before = await database.inOrganization(build.organizationId, (tx) => readLines(tx, build.id, 0, LINES_KEPT), {
    readOnly: true,
  });
  const kept = before.map(({ sequence, text }) => ({ sequence, characters: text.length }));
  let characters = kept.reduce((sum, one) => sum + one.characters, 0);
  let sequence = before.at(-1)?.sequence ?? 0;
  let waiting: OutputLine[] = [];
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const lines = waiting.slice(-LINES_KEPT);
    waiting = [];
    if (lines.length === 0) return;
    for (const line of lines) {
      kept.push({ sequence: line.sequence, characters: line.text.length });
      characters += line.text.length;
    }
    while (kept.length > LINES_KEPT || characters > CHARACTERS_KEPT) characters -= kept.shift()?.characters ?? 0;
    const first = kept[0]?.sequence ?? 0;
    await database.inOrganization(build.organizationId, async (tx) => {
      const stored = lines.filter((line) => line.sequence >= first);
      await writeLines(tx, build, stored, first);
      tx.emit(buildTold, { organizationId: build.organizationId, buildId: build.id });
    });
  }
  const flush = (): Promise<void> => {
    writing = writing.then(write, write);
    return writing;
  };
  const timer = setInterval(() => {
    flush().catch((error: unknown) => log.warn({ err: error }, "Output of a build could not be stored."));
  }, FLUSH_MS);
  return {
    add: (service, text) => {
      sequence++;
      // PostgreSQL's text takes no NUL.
      const line = text.replaceAll("\0", "").slice(0, LINE_CHARACTERS);
      waiting.push({ sequence, service, text: line, at: clock.now() });
      if (waiting.length > WAITING_LINES) waiting.shift();
    },
    flush,
    end: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
