import { onScopeDispose } from "vue";

/** Calls `act` now and again `ms` after it has ended, not while the page is hidden. */
export function usePoll(act: (signal: AbortSignal) => Promise<unknown>, ms: number): { now: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  async function run(): Promise<void> {
    clearTimeout(timer);
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    if (document.visibilityState !== "hidden") await act(signal).catch(() => undefined);
    if (!signal.aborted) timer = setTimeout(() => void run(), ms);
  }
  const onVisible = (): void => {
    if (document.visibilityState === "visible") void run();
  };
  document.addEventListener("visibilitychange", onVisible);
  onScopeDispose(() => {
    document.removeEventListener("visibilitychange", onVisible);
    clearTimeout(timer);
    abort.abort();
  });
  void run();
  return { now: () => void run() };
}
