import { onScopeDispose } from "vue";

/** Calls `act` at once, then at most each `ms`, never losing the last call. */
export function useThrottled(act: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  onScopeDispose(() => clearTimeout(timer));

  function run(): void {
    again = false;
    act();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) run();
    }, ms);
  }
  return () => {
    if (timer === undefined) run();
    else again = true;
  };
}
