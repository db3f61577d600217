import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { buildUi } from "./built-ui.ts";
import { type FixtureServer, startFixtureServer } from "./fixture-server.ts";
import { type BrowserPage, openBrowserHere } from "./pages.ts";

const ROWS_AT_MOST = 200;
const LINES = 1_000_000;
const LINES_TIMEOUT_MS = 180_000;

// 10,000 hosts and a million lines come from the double: what is tested is what the page does with them.
describe("large amounts, in a browser", () => {
  let server: FixtureServer;
  let browser: BrowserPage;
  let page: Page;
  let uiFolder: string;

  beforeAll(async () => {
    uiFolder = await mkdtemp(join(tmpdir(), "windflow-ui-"));
    await buildUi(uiFolder);
    server = await startFixtureServer(await freePort(), "large", uiFolder);
    browser = await openBrowserHere(server.url);
    page = browser.page;
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await rm(uiFolder, { recursive: true, force: true });
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

  test("a million log lines do not make the document grow, and any of them can be reached", async () => {
    await page.goto(`${server.url}/hosts/hst_0000/containers/cshopweb0000000000000000/logs`);
    await page.locator(".line").first().waitFor();
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
