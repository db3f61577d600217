import { defineStore } from "pinia";
import { ref } from "vue";
import type { Tone } from "./tone.ts";

export interface Toast {
  id: number;
  tone: Tone;
  title: string;
  text?: string | undefined;
}
/** Long enough to read two lines; errors stay until they are closed. */
const SHOWN_MS = 5_000;
/** More than this would hide the page. */
const SHOWN_AT_MOST = 4;

export const useToasts = defineStore("toasts", () => {
  const toasts = ref<Toast[]>([]);
  let nextId = 1;

  function close(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }
  function show(tone: Tone, title: string, text?: string): void {
    const id = nextId++;
    toasts.value = [...toasts.value, { id, tone, title, text }].slice(-SHOWN_AT_MOST);
    if (tone !== "bad") setTimeout(() => close(id), SHOWN_MS);
  }
  return { toasts, show, close };
});
