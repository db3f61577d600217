import { onScopeDispose, readonly, ref, type Ref } from "vue";

/** Ages change by the second only in the first minute; a second is what a person notices. */
const TICK_MS = 1_000;

/** The present moment in milliseconds, again each second while the component lives. */
export function useNow(): Readonly<Ref<number>> {
  const now = ref(Date.now());
  const timer = setInterval(() => (now.value = Date.now()), TICK_MS);
  onScopeDispose(() => clearInterval(timer));
  return readonly(now);
}
