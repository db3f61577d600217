import { onScopeDispose, ref, watch, type Ref } from "vue";

/** The inner width of an element in pixels; 0 until it is known. */
export function useWidth(element: Readonly<Ref<HTMLElement | null>>): Readonly<Ref<number>> {
  const width = ref(0);
  const observer = new ResizeObserver(([entry]) => (width.value = entry?.contentRect.width ?? 0));
  watch(element, (next, before) => {
    if (before) observer.unobserve(before);
    if (next) observer.observe(next);
  });
  onScopeDispose(() => observer.disconnect());
  return width;
}
