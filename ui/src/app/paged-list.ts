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
  /** Puts a row that changed in the place of the one it replaces. */
  replace(matches: (row: Row) => boolean, next: Row): void;
}

/** A list that the server pages: the first page at once, others as they come near. Starts again when `key` changes. */
export function usePagedList<Row>(
  key: () => string,
  read: (token: string | undefined, size: number, signal: AbortSignal) => Promise<Page<Row>>,
): PagedList<Row> {
  const rows: ShallowRef<Row[]> = shallowRef([]);
  const total = ref<number>();
  const error = shallowRef<unknown>();
  const loading = ref(true);
  let next: string | undefined;
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
  function restart(): Promise<void> {
    abort.abort();
    abort = new AbortController();
    return run(async (signal) => show(await read(undefined, PAGE_SIZE, signal), []));
  }
  function show(page: Page<Row>, before: Row[]): void {
    rows.value = [...before, ...page.rows];
    next = page.nextPageToken === "" ? undefined : page.nextPageToken;
    if (page.total !== undefined) total.value = page.total;
  }
  async function loadMore(): Promise<void> {
    if (reading || next === undefined) return;
    await run(async (signal) => show(await read(next, PAGE_SIZE, signal), rows.value));
  }
  async function refresh(): Promise<void> {
    const wanted = Math.max(rows.value.length, 1);
    abort.abort();
    abort = new AbortController();
    await run(async (signal) => {
      let all: Row[] = [];
      let page = await read(undefined, PAGE_SIZE, signal);
      while (all.length + page.rows.length < wanted && page.nextPageToken) {
        all = [...all, ...page.rows];
        page = await read(page.nextPageToken, PAGE_SIZE, signal);
      }
      show(page, all);
    });
  }
  function replace(matches: (row: Row) => boolean, row: Row): void {
    const index = rows.value.findIndex(matches);
    if (index !== -1) rows.value = rows.value.with(index, row);
  }

  watch(key, () => void restart(), { immediate: true });
  onScopeDispose(() => abort.abort());
  return { rows, total, error, loading, loadMore, refresh, replace };
}
