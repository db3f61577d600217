import { defineStore, storeToRefs } from "pinia";
import { ref, type Ref } from "vue";

/** Ages change by the second only in the first minute; a second is what a person notices. */
const TICK_MS = 1_000;

/** One clock for all ages on a page: a timer for each would wake the page hundreds of times a second. */
const useClock = defineStore("clock", () => {
  const now = ref(Date.now());
  setInterval(() => (now.value = Date.now()), TICK_MS);
  return { now };
});

/** The present moment in milliseconds, again each second. */
export function useNow(): Readonly<Ref<number>> {
  return storeToRefs(useClock()).now;
}
