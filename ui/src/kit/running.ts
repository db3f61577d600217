import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

export interface Running {
  busy: Ref<boolean>;
  /** What the last run failed with; undefined while none has. */
  error: ShallowRef<unknown>;
  /** Runs `act`; false when it failed, with what in `error`. */
  run(act: () => Promise<unknown>): Promise<boolean>;
}

/** Something that a person starts, waits for, and is told of when it fails. */
export function useRunning(): Running {
  const busy = ref(false);
  const error = shallowRef<unknown>();
  async function run(act: () => Promise<unknown>): Promise<boolean> {
    busy.value = true;
    error.value = undefined;
    try {
      await act();
      return true;
    } catch (caught) {
      error.value = caught;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, error, run };
}
