import type { Page } from "playwright-core";

/** What a browser felt while a page was worked with. */
export interface Felt {
  /** From an act to the next frame that shows its effect, in milliseconds: one for each act. */
  interactionsMs: number[];
  /** Tasks of the main thread of more than 50 ms, in milliseconds. */
  longTasksMs: number[];
}
/** Begins to write down long tasks; to be called before the page is loaded. */
export async function watchLongTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { windflowLongTasks: tasks });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
  });
}
/** The long tasks since the last call. */
export function takeLongTasks(page: Page): Promise<number[]> {
  return page.evaluate(() => (globalThis as unknown as { windflowLongTasks: number[] }).windflowLongTasks.splice(0));
}
/** Does something in the page and waits for two frames; how long until the second one began. */
export async function timed(page: Page, script: string): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const began = performance.now();
    ${script};
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  })`);
}
/** The value below which 95 % of the others are. */
export function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.95) - 1)] ?? 0;
}
