import {
  openBrowserHere,
  startFixtureServer,
  takeLongTasks,
  timed,
  watchLongTasks,
  type BrowserPage,
} from "@windflow/e2e/browser";
import { freePort } from "@windflow/e2e/testbed";

/** What a person did, and what it cost. */
export interface Act {
  readonly act: string;
  /** Until the second frame after it began. */
  readonly ms: number;
  /** Processor time of the page's main thread, with what came after it. */
  readonly cpuMs: number;
  /** What of it was spent in finding styles and in layout; the rest is scripts, painting and the browser's own. */
  readonly styleMs: number;
  readonly layoutMs: number;
}
/** All pages with all acts, or the list and the map of hosts with a few. */
export type Pages = "all" | "few";
export interface SizeFigures {
  readonly hosts: number;
  /** All that the first page asked for, as it came over the wire. */
  readonly firstLoadKb: number;
  readonly lcpMs: number;
  readonly felt: readonly Act[];
  /** Tasks of the main thread of more than 50 ms, with what was done before. */
  readonly longTasks: readonly { act: string; ms: number }[];
  /** The most that stood in the document at any time. */
  readonly rows: number;
  readonly elements: number;
  /** The answer that the map is drawn from. */
  readonly mapKb: number;
}
type Page = BrowserPage["page"];
type CDPSession = Awaited<ReturnType<ReturnType<Page["context"]>["newCDPSession"]>>;
/** What came late still belongs to the act before it. */
const SETTLE_MS = 120;
/** What a page still asks for, once its rows stand there, comes within this. */
const LOADED_MS = 1_000;
const KB = 1024;

/** One person's round through pages of a fleet of so many hosts, in a browser of its own. */
export async function workWith(uiFolder: string, hosts: number, pages: Pages): Promise<SizeFigures> {
  const server = await startFixtureServer(await freePort(), "large", uiFolder, { hosts });
  const browser = await openBrowserHere(server.url);
  try {
    const { page } = browser;
    await watchLongTasks(page);
    await page.addInitScript(LCP);
    await page.goto(`${server.url}/hosts`);
    await page.getByText(`of ${hosts} loaded`).waitFor();
    // Not until the network is idle: the stream of changes never ends.
    await page.waitForTimeout(LOADED_MS);
    const firstLoadKb = Math.round(browser.loadedBytes() / KB);
    const lcpMs = Math.round(await page.evaluate<number>("windflowLcp"));
    const devtools = await page.context().newCDPSession(page);
    // The machine does other things too: what a task takes is told in processor time.
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const session = new Session(page, devtools);
    await session.list(pages);
    const mapKb = await session.map(server.url, pages);
    if (pages === "all") {
      await session.groups(server.url);
      await session.rollout(server.url);
      await session.update(server.url);
    }
    const { felt, longTasks, rows, elements } = session;
    return { hosts, firstLoadKb, lcpMs, felt, longTasks, rows, elements, mapKb };
  } finally {
    await browser.close();
    await server.stop();
  }
}

const LCP = `
  globalThis.windflowLcp = 0;
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) windflowLcp = startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
`;

type Spent = Omit<Act, "act" | "ms">;
const difference = (after: Spent, before: Spent): Spent => ({
  cpuMs: after.cpuMs - before.cpuMs,
  styleMs: after.styleMs - before.styleMs,
  layoutMs: after.layoutMs - before.layoutMs,
});

/** Acts in a page, each with how long it took until it was seen and which tasks it made. */
class Session {
  readonly felt: Act[] = [];
  readonly longTasks: { act: string; ms: number }[] = [];
  rows = 0;
  elements = 0;
  readonly #page: Page;
  readonly #devtools: CDPSession;

  constructor(page: Page, devtools: CDPSession) {
    this.#page = page;
    this.#devtools = devtools;
  }
  /** Milliseconds of processor that the main thread has taken so far, by what for. */
  async #spent(): Promise<Spent> {
    const { metrics } = await this.#devtools.send("Performance.getMetrics");
    const ms = (wanted: string): number => 1_000 * (metrics.find(({ name }) => name === wanted)?.value ?? 0);
    return {
      cpuMs: ms("TaskDuration"),
      styleMs: ms("RecalcStyleDuration"),
      layoutMs: ms("LayoutDuration"),
    };
  }

  async #act(act: string, script: string): Promise<void> {
    const page = this.#page;
    await takeLongTasks(page);
    const before = await this.#spent();
    const ms = await timed(page, script);
    await page.waitForTimeout(SETTLE_MS);
    this.felt.push({ act, ms, ...difference(await this.#spent(), before) });
    for (const long of await takeLongTasks(page)) this.longTasks.push({ act, ms: long });
    this.rows = Math.max(this.rows, await page.evaluate<number>("document.querySelectorAll('[role=row], li').length"));
    this.elements = Math.max(this.elements, await page.evaluate<number>("document.querySelectorAll('*').length"));
  }
  /** Clicks the n-th of what a selector finds, once it is there; below 0: from the end. */
  async #click(act: string, selector: string, index: number): Promise<void> {
    await this.#page.locator(selector).nth(index).waitFor();
    await this.#act(act, `[...document.querySelectorAll(${JSON.stringify(selector)})].at(${index})?.click()`);
  }
  async #scroll(act: string, steps: number): Promise<void> {
    await this.#page.locator("[role=table]").first().waitFor();
    for (let at = 1; at <= steps; at += 1)
      await this.#act(`${act}, ${at}`, `(document.querySelector("[role=table]") ?? {}).scrollTop = ${at * 700}`);
    await this.#act(`${act}, back`, `(document.querySelector("[role=table]") ?? {}).scrollTop = 0`);
  }
  async #type(act: string, selector: string, texts: readonly string[]): Promise<void> {
    for (const text of texts)
      await this.#act(
        `${act} “${text}”`,
        `const field = document.querySelector(${JSON.stringify(selector)});
         field.value = ${JSON.stringify(text)};
         field.dispatchEvent(new Event("input", { bubbles: true }))`,
      );
  }

  async list(pages: Pages): Promise<void> {
    await this.#scroll("hosts scrolled", pages === "all" ? 10 : 2);
    if (pages === "few") return;
    await this.#type("filter typed", "input[role=combobox]", ["s", "si", "site=", "site=p", "site=paris ", ""]);
    for (const at of [1, 2, 1, 0]) await this.#click(`hosts of a state, ${at}`, ".count", at);
    for (const at of [0, 1, 0]) await this.#click("hosts sorted", ".sort", at);
  }
  /** @returns kB of the answer that it is drawn from */
  async map(url: string, pages: Pages): Promise<number> {
    const page = this.#page;
    const answered = page.waitForResponse((response) => response.url().includes("/hosts:map"));
    await this.#click("map opened", "[role=radio]", -1);
    const body = await (await answered).body();
    await page.locator(".holder").waitFor();
    await page.waitForTimeout(SETTLE_MS * 5);
    for (const ms of await takeLongTasks(page)) this.longTasks.push({ act: "map drawn", ms });
    if (pages === "few") return Math.round(body.byteLength / KB);
    await page.locator(".holder").focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "End", "Home"])
      await this.#act(
        `map walked, ${key}`,
        `document.querySelector(".holder").dispatchEvent(new KeyboardEvent("keydown", { key: "${key}", bubbles: true }))`,
      );
    await this.#act(
      "map grouped",
      `const group = document.querySelector("select");
       group.value = "site";
       group.dispatchEvent(new Event("change", { bubbles: true }))`,
    );
    await page.goto(`${url}/hosts`);
    return Math.round(body.byteLength / KB);
  }
  async groups(url: string): Promise<void> {
    await this.#page.goto(`${url}/hosts?group=site`);
    await this.#page.locator("[role=table] button[aria-expanded]").first().waitFor();
    for (const at of [0, 0, 1]) await this.#click(`group opened, ${at}`, "[role=table] button[aria-expanded]", at);
    await this.#scroll("groups scrolled", 5);
  }
  async rollout(url: string): Promise<void> {
    await this.#page.goto(`${url}/rollouts/rol_all`);
    await this.#page.locator("[role=table] [role=row]").nth(3).waitFor();
    await this.#scroll("rollout scrolled", 6);
    for (const at of [0, 1, 1]) await this.#click(`wave chosen, ${at + 1}`, ".wave .body", at);
    await this.#type("rollout filtered", "section input", ["l", "ly", "lyon", ""]);
  }
  async update(url: string): Promise<void> {
    await this.#page.goto(`${url}/updates/upd_going`);
    await this.#page.locator("[role=table] [role=row]").nth(3).waitFor();
    await this.#scroll("update scrolled", 6);
    await this.#click("wave of the update chosen", ".wave .body", 1);
  }
}
