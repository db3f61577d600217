import { defineStore } from "pinia";
import { ref, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges } from "../../app/live.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";

/** The badge may be this much behind; a fleet reports all the time. */
const REFRESH_MS = 5_000;
const useOpenDrifts = defineStore("open-drifts", () => ({ open: ref(0) }));

/** How many differences wait for somebody, for the badge of the navigation. */
export function useDriftCount(): Ref<number> {
  const api = useApi();
  const session = useSession();
  const store = useOpenDrifts();
  const open = ref(store.open);

  async function read(): Promise<void> {
    if (!session.may("stacks.read")) return;
    const request = { organization: session.organization, page: { size: 1 } };
    const answer = await api.drift.listDrifts(request).catch(() => undefined);
    if (answer === undefined) return;
    store.open = answer.open ?? 0;
    open.value = store.open;
  }
  const soon = useThrottled(() => void read(), REFRESH_MS);
  onChanges((changes) => {
    if (changes.some(({ kind = "" }) => ["drift", "reset"].includes(kind))) soon();
  });
  soon();
  return open;
}
