import type { Page } from "playwright-core";

/** Begins to write down long tasks; to be called before the page is loaded. */
export async function watchLongTasks(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.windflowLongTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) windflowLongTasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
  `);
}
/** Tasks of the main thread of more than 50 ms since the last call, in milliseconds. */
export function takeLongTasks(page: Page): Promise<number[]> {
  return page.evaluate<number[]>("windflowLongTasks.splice(0)");
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
