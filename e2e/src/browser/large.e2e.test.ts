import { freePort } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { builtUi } from "./built-ui.ts";
import { type FixtureServer, startFixtureServer } from "./fixture-server.ts";
import { p95, takeLongTasks, timed, watchLongTasks } from "./large-fleet.ts";
import { type BrowserPage, openBrowserHere } from "./pages.ts";

const ROWS_AT_MOST = 200;
const LINES = 1_000_000;
const SCREEN_OF_LINES = 20;
const LINES_TIMEOUT_MS = 180_000;

// 10,000 hosts and a million lines come from the double: what is tested is what the page does with them.
describe("large amounts, in a browser", () => {
  let server: FixtureServer;
  let browser: BrowserPage;
  let page: Page;

  beforeAll(async () => {
    server = await startFixtureServer(await freePort(), "large", await builtUi());
    browser = await openBrowserHere(server.url);
    page = browser.page;
    await watchLongTasks(page);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  const elements = (): Promise<number> => page.evaluate<number>("document.querySelectorAll('*').length");

  test("10,000 hosts are paged, and few rows stand in the document", async () => {
    await page.goto(`${server.url}/hosts`);
    await page.getByText("of 10000 loaded").waitFor();
    const table = page.getByRole("table", { name: "Hosts" });
    expect(await table.getAttribute("aria-rowcount")).toBe("10001");
    const rows = table.getByRole("row");
    expect(await rows.count()).toBeLessThanOrEqual(ROWS_AT_MOST);
    await eventually(
      "a thousand hosts loaded by scrolling",
      60_000,
      async () => {
        await table.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
        return Number.parseInt(await page.getByText("of 10000 loaded").innerText(), 10);
      },
      (loaded) => loaded >= 1_000,
    );
    expect(await rows.count()).toBeLessThanOrEqual(ROWS_AT_MOST);
    await page.getByLabel("Filter hosts").fill("site=paris");
    await page.getByText(/of 1667 loaded/).waitFor();
    expect(await browser.audit()).toEqual([]);
  });

  test("10,000 hosts by groups: heads at once, hosts as they are looked at, and still few rows", async () => {
    await page.goto(`${server.url}/hosts?group=site`);
    const table = page.getByRole("table", { name: "Hosts" });
    const group = (name: string) => table.getByRole("button", { name: new RegExp(`^${name} `) });
    await group("paris").waitFor();
    expect(await table.getByRole("button", { expanded: false }).count()).toBe(6);
    await page.getByText(/^7,918 ok, 204 in progress, 300 failed, 1,313 not reached since/).waitFor();
    await group("brest").press("Enter");
    await table
      .getByRole("link", { name: /^brest-/ })
      .first()
      .waitFor();
    await eventually(
      "all hosts of the group by scrolling",
      60_000,
      async () => {
        await table.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
        return group("paris").isVisible();
      },
      (seen) => seen,
    );
    expect(await table.getByRole("row").count()).toBeLessThanOrEqual(ROWS_AT_MOST);
    await table.evaluate((element) => element.scrollTo({ top: 0 }));
    await group("brest").click();
    await page.getByRole("button", { name: /^Failed/ }).click();
    await page
      .getByText(/^300 failed|^1,\d+ ok/)
      .first()
      .waitFor();
    expect(await browser.audit()).toEqual([]);
  });

  test("10,000 hosts as a map: a cell each, walked by the keyboard, opened by Enter", async () => {
    await page.goto(`${server.url}/hosts?show=map&group=site`);
    const map = page.getByRole("listbox", { name: "Map of the hosts by health" });
    await map.waitFor();
    const before = await elements();
    await eventually(
      "the whole map",
      60_000,
      () => map.evaluate((element) => element.clientHeight),
      (px) => px > 1_000,
    );
    expect(await elements()).toBeLessThanOrEqual(before + ROWS_AT_MOST);
    await map.focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown"]) await map.press(key);
    const name = await map.getByRole("option").innerText();
    expect(name).toMatch(/^brest-/);
    expect(await browser.audit()).toEqual([]);
    await map.press("Enter");
    await page.getByRole("heading", { level: 1, name: name.split(",")[0] ?? "" }).waitFor();
  });

  test("10,000 hosts are worked with without a wait", async () => {
    await page.goto(`${server.url}/hosts`);
    await page.getByText("of 10000 loaded").waitFor();
    await takeLongTasks(page);
    const felt: number[] = [];
    const type = (text: string): string => `(() => {
      const field = document.querySelector("input[role=combobox]");
      field.value = ${JSON.stringify(text)};
      field.dispatchEvent(new Event("input", { bubbles: true }));
    })()`;
    for (let at = 0; at < 20; at += 1)
      felt.push(await timed(page, `document.querySelector("[role=table]").scrollTop = ${at * 400}`));
    for (const text of ["s", "si", "site=", "site=p", "site=paris ", ""]) felt.push(await timed(page, type(text)));
    for (const at of [1, 2, 1, 0]) felt.push(await timed(page, `document.querySelectorAll(".count")[${at}].click()`));
    const tasks = await takeLongTasks(page);
    const longest = Math.round(Math.max(0, ...tasks));
    console.log(
      `10,000 hosts: interaction p95 ${Math.round(p95(felt))} ms of ${felt.length}, tasks over 50 ms: ${tasks.length} (longest ${longest} ms)`,
    );
    // The figures are for people; how few rows and elements there are is what keeps them low.
    expect(felt).toHaveLength(30);
    expect(await page.getByRole("table", { name: "Hosts" }).getByRole("row").count()).toBeLessThanOrEqual(ROWS_AT_MOST);
  });

  test("a rollout to 1,200 hosts shows its waves and few rows, and any host is found", async () => {
    await page.goto(`${server.url}/rollouts/rol_large`);
    await page.getByText("of 1200 hosts").waitFor();
    const table = page.getByRole("table", { name: "Hosts" });
    expect(await table.getAttribute("aria-rowcount")).toBe("1201");
    expect(await table.getByRole("row").count()).toBeLessThanOrEqual(ROWS_AT_MOST);
    await page.getByRole("button", { name: /^Wave 2 · quarter/ }).click();
    await page.getByText("300 of 1200 loaded").waitFor();
    await page.getByLabel("Filter by name").fill("lyon-camera-200");
    await page.getByRole("button", { name: "lyon-camera-200", exact: true }).click();
    await page.getByRole("heading", { name: "What happened on lyon-camera-200" }).waitFor();
    expect(await browser.audit()).toEqual([]);
  });

  test("a million log lines do not make the document grow, and any of them can be reached", async () => {
    await page.goto(`${server.url}/hosts/hst_0000/containers/cshopweb0000000000000000/logs`);
    // A screen full of them: fewer stand there while the first are still being read.
    await page.locator(".line").nth(SCREEN_OF_LINES).waitFor();
    const before = await elements();
    const count = page.getByText(/^[\d,]+ lines/);
    const held = async (): Promise<number> => Number((await count.innerText()).split(" ")[0]?.replaceAll(",", ""));
    await eventually("a million lines", LINES_TIMEOUT_MS, held, (lines) => lines >= LINES - 10_000);
    expect(await elements()).toBeLessThanOrEqual(before + ROWS_AT_MOST);
    expect(await page.locator(".line").count()).toBeLessThanOrEqual(ROWS_AT_MOST);

    await page.getByLabel("Search in the lines").fill("/api/orders/504001 ");
    await page.getByText("1 of 1", { exact: true }).waitFor({ timeout: LINES_TIMEOUT_MS });
    await page.getByText("GET /api/orders/504001 200").waitFor();
    await page.getByRole("button", { name: "To the newest" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  });
});
