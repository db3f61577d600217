import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";

/** Rows a page: several screens, and an answer that stays small. */
export const PAGE_SIZE = 200;

export interface Page<Row> {
  rows: Row[];
  nextPageToken: string | undefined;
  total?: number | undefined;
}
export interface PagedList<Row> {
  rows: ShallowRef<Row[]>;
  total: Ref<number | undefined>;
  error: ShallowRef<unknown>;
  /** Nothing has been shown yet. */
  loading: Ref<boolean>;
  loadMore(): Promise<void>;
  /** Reads all that is shown again, without emptying the list first. */
  refresh(): Promise<void>;
  /** Reads again the pages that are seen; the others when they come to be seen. However long the list has become. */
  refreshSeen(): Promise<void>;
  /** Tells which rows are seen, by their positions. */
  see(first: number, last: number): void;
  /** Puts a row that changed in the place of the one it replaces. */
  replace(matches: (row: Row) => boolean, next: Row): void;
}
/** A page that was read: from its token on. */
interface Part<Row> {
  token: string | undefined;
  rows: Row[];
  next: string | undefined;
  stale: boolean;
}

/**
 * A list that the server pages: the first page at once, others as they come near. Starts again when `key` changes. With `keyOf`
 * a row that moved to a page that was read since is not shown twice.
 */
export function usePagedList<Row>(
  key: () => string,
  read: (token: string | undefined, size: number, signal: AbortSignal) => Promise<Page<Row>>,
  keyOf?: (row: Row) => string,
): PagedList<Row> {
  const rows: ShallowRef<Row[]> = shallowRef([]);
  const total = ref<number>();
  const error = shallowRef<unknown>();
  const loading = ref(true);
  let parts: Part<Row>[] = [];
  let seen = { first: 0, last: 0 };
  let abort = new AbortController();
  let reading = false;

  async function run(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = abort;
    reading = true;
    try {
      await act(signal);
      error.value = undefined;
    } catch (caught) {
      if (!signal.aborted) error.value = caught;
    } finally {
      if (!signal.aborted) {
        reading = false;
        loading.value = false;
      }
    }
  }
  function anew(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    abort.abort();
    abort = new AbortController();
    return run(act);
  }
  async function readPart(token: string | undefined, signal: AbortSignal): Promise<Part<Row>> {
    const page = await read(token, PAGE_SIZE, signal);
    if (page.total !== undefined) total.value = page.total;
    return { token, rows: page.rows, next: page.nextPageToken || undefined, stale: false };
  }
  function show(next: Part<Row>[]): void {
    parts = keyOf === undefined ? next : withoutMoved(next, keyOf);
    rows.value = parts.flatMap((part) => part.rows);
  }
  const restart = (): Promise<void> => anew(async (signal) => show([await readPart(undefined, signal)]));

  async function loadMore(): Promise<void> {
    const next = parts.at(-1)?.next;
    if (reading || next === undefined) return;
    await run(async (signal) => show([...parts, await readPart(next, signal)]));
  }
  const refresh = (): Promise<void> =>
    anew(async (signal) => {
      const wanted = Math.max(rows.value.length, 1);
      const fresh = [await readPart(undefined, signal)];
      let count = fresh[0]?.rows.length ?? 0;
      for (let token = fresh[0]?.next; count < wanted && token !== undefined; token = fresh.at(-1)?.next) {
        const part = await readPart(token, signal);
        count += part.rows.length;
        fresh.push(part);
      }
      show(fresh);
    });
  function refreshSeen(): Promise<void> {
    for (const part of parts) part.stale = true;
    return readSeen();
  }
  async function readSeen(): Promise<void> {
    if (parts.length === 0) return restart();
    const from = partAt(parts, seen.first);
    const to = partAt(parts, seen.last);
    if (!parts.slice(from, to + 1).some((part) => part.stale)) return;
    await anew(async (signal) => {
      const fresh: Part<Row>[] = [];
      let token = parts[from]?.token;
      do {
        const part = await readPart(token, signal);
        fresh.push(part);
        token = part.next;
      } while (fresh.length <= to - from && token !== undefined);
      const after = parts.slice(to + 1);
      // Where the pages no longer meet, those below are read again as they come near.
      show([...parts.slice(0, from), ...fresh, ...(token !== undefined && after[0]?.token === token ? after : [])]);
    });
  }
  function see(first: number, last: number): void {
    seen = { first, last };
    if (!reading) void readSeen();
  }
  function replace(matches: (row: Row) => boolean, row: Row): void {
    const index = rows.value.findIndex(matches);
    if (index === -1) return;
    rows.value = rows.value.with(index, row);
    const part = parts.find((one) => one.rows.some(matches));
    if (part !== undefined) part.rows = part.rows.map((one) => (matches(one) ? row : one));
  }

  watch(key, () => void restart(), { immediate: true });
  onScopeDispose(() => abort.abort());
  return { rows, total, error, loading, loadMore, refresh, refreshSeen, see, replace };
}

/** Which part holds the row at a position of the whole list. */
function partAt<Row>(parts: readonly Part<Row>[], position: number): number {
  let end = 0;
  const found = parts.findIndex((part) => position < (end += part.rows.length));
  return found === -1 ? parts.length - 1 : found;
}

/** The parts without the rows that a fresher part has too. */
function withoutMoved<Row>(parts: Part<Row>[], keyOf: (row: Row) => string): Part<Row>[] {
  const fresh = new Set(parts.filter((part) => !part.stale).flatMap((part) => part.rows.map(keyOf)));
  return parts.map((part) =>
    part.stale ? { ...part, rows: part.rows.filter((row) => !fresh.has(keyOf(row))) } : part,
  );
}
