import type { StreamItem } from "@windflow/proto/client";
import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";
import { asApiError } from "./api.ts";

/** After a broken stream; the control plane may be starting again. */
const RETRY_MS = 2_000;
/** Changes are drawn at most this often. */
const GATHER_MS = 250;

export interface Followed<Message> {
  message: ShallowRef<Message | undefined>;
  error: ShallowRef<unknown>;
  restart: () => void;
}

/** Something as it goes, until it has ended: read once, then watched; the stream is opened again when it breaks. */
export function useFollowed<Message>(source: {
  id: () => string;
  read(id: string, signal: AbortSignal): Promise<Message>;
  watch(id: string, signal: AbortSignal): AsyncIterable<StreamItem<Message>>;
  /** Whether it may still change. */
  goesOn(message: Message): boolean;
}): Followed<Message> {
  const message: ShallowRef<Message | undefined> = shallowRef();
  const error = shallowRef<unknown>();
  let abort = new AbortController();
  let latest: Message | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** The first change at once, those close behind it together: a thousand hosts move at the same time. */
  function show(next: Message): void {
    latest = next;
    if (timer !== undefined) return;
    message.value = next;
    timer = setTimeout(() => {
      timer = undefined;
      if (latest !== undefined && latest !== message.value) show(latest);
    }, GATHER_MS);
  }
  function restart(): void {
    abort.abort();
    abort = new AbortController();
    latest = undefined;
    void follow(source.id(), abort.signal);
  }
  const maySettle = (): boolean => latest === undefined || source.goesOn(latest);
  async function follow(id: string, signal: AbortSignal): Promise<void> {
    do {
      try {
        show(await source.read(id, signal));
        error.value = undefined;
        if (!maySettle()) return;
        for await (const item of source.watch(id, signal)) show(item.message);
      } catch (caught) {
        if (signal.aborted) return;
        error.value = caught;
        const { status } = asApiError(caught).problem;
        if (status >= 400 && status < 500) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    } while (!signal.aborted && maySettle());
  }
  watch(source.id, restart, { immediate: true });
  onScopeDispose(() => {
    abort.abort();
    clearTimeout(timer);
  });
  return { message, error, restart };
}
