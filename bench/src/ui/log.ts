import { openBrowserHere, startFixtureServer } from "@windflow/e2e/browser";
import { freePort } from "@windflow/e2e/testbed";

export interface LogFigures {
  readonly lines: number;
  readonly elementsBefore: number;
  readonly elementsAfter: number;
  readonly heapMb: number;
}
const READ_MS = 300_000;
const SCREEN_OF_LINES = 20;
const POLL_MS = 250;
/** What the log's last lines are short of the whole while it is being read. */
const LAST_LINES = 0.99;

/** A log of so many lines, read to its end in one page. */
export async function readLog(uiFolder: string, lines: number): Promise<LogFigures> {
  const server = await startFixtureServer(await freePort(), "large", uiFolder, { hosts: 20, lines });
  const browser = await openBrowserHere(server.url);
  try {
    const { page } = browser;
    const elements = (): Promise<number> => page.evaluate<number>("document.querySelectorAll('*').length");
    await page.goto(`${server.url}/hosts/hst_0000/containers/cshopweb0000000000000000/logs`);
    // A screen full of them: fewer stand there while the first are still being read.
    await page.locator(".line").nth(SCREEN_OF_LINES).waitFor();
    const elementsBefore = await elements();
    const held = (): Promise<number> =>
      page.evaluate<number>(
        `Number((/([\\d,]+) lines/.exec(document.body.innerText)?.[1] ?? "0").replaceAll(",", ""))`,
      );
    const deadline = performance.now() + READ_MS;
    while ((await held()) < lines * LAST_LINES) {
      if (performance.now() > deadline) throw new Error(`only ${await held()} of ${lines} lines were read`);
      await page.waitForTimeout(POLL_MS);
    }
    const heap = await page.evaluate<number>("globalThis.gc?.(), performance.memory?.usedJSHeapSize ?? 0");
    return { lines, elementsBefore, elementsAfter: await elements(), heapMb: Math.round(heap / 1024 ** 2) };
  } finally {
    await browser.close();
    await server.stop();
  }
}
