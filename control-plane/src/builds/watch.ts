import type { Caller, Database, EventBus } from "../platform/index.ts";
import { buildTold } from "./events.ts";
import { isOver, type Build, type OutputLine } from "./model.ts";
import { readLines } from "./store.ts";

/** The build when it has changed, and lines in order. */
export type Watched = { readonly build: Build } | { readonly line: OutputLine };

// In one look; the next follows at once.
const LINES_AT_ONCE = 500;

/** The stored output, then what comes, until the end of the build. */
export async function* watchBuild(
  parts: {
    readonly database: Database;
    readonly bus: EventBus;
    /** Throws when there is no such build. */
    readonly read: (caller: Caller, buildId: string) => Promise<Build>;
  },
  caller: Caller,
  buildId: string,
  signal: AbortSignal,
): AsyncGenerator<Watched> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const mine = (told: { organizationId: string; buildId: string }): boolean =>
    told.buildId === buildId && told.organizationId === caller.organizationId;
  const told = parts.bus.stream(buildTold, { signal: either, filter: mine })[Symbol.asyncIterator]();
  let shown = "";
  let after = 0;
  const next = async (): Promise<OutputLine[]> => {
    const lines = await parts.database.inOrganization(caller, (tx) => readLines(tx, buildId, after, LINES_AT_ONCE), {
      readOnly: true,
    });
    after = lines.at(-1)?.sequence ?? after;
    return lines;
  };
  try {
    for (;;) {
      // Read before the lines: a build that is over has written all of them.
      const build = await parts.read(caller, buildId);
      const text = JSON.stringify(build);
      const isFirst = shown === "";
      if (isFirst || (text !== shown && !isOver(build.state))) yield { build };
      for (let lines = await next(); lines.length > 0; lines = await next()) for (const line of lines) yield { line };
      // The end comes last.
      if (isOver(build.state)) {
        if (!isFirst) yield { build };
        return;
      }
      shown = text;
      if (signal.aborted || (await told.next()).done === true) return;
    }
  } finally {
    stopped.abort();
  }
}
