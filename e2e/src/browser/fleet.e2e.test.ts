import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { repositoryRoot } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "../installation/installation.ts";
import { containersOf, deploy, idleStack } from "../installation/stacks.ts";
import { builtUi } from "./built-ui.ts";
import { type BrowserPage, openBrowser } from "./pages.ts";

const ARTIFACTS = join(repositoryRoot, "e2e/artifacts");
const PASSWORD = "a long and private sentence";
/** A host notices within seconds; the machine also runs engines, a database and a browser. */
const NOTICED_MS = 60_000;

// What an operator of a fleet does all day: look, group, keep a view, see what somebody changed, and have it put right.
describe("the fleet, in a browser", () => {
  let installation: Installation;
  let host: InstalledHost;
  let browser: BrowserPage;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    installation = await createInstallation([{}, {}], await builtUi());
    const [first] = installation.hosts;
    if (first === undefined) throw new Error("the installation has no host");
    host = first;
    await deploy(installation, "shop", idleStack({ web: "1", worker: "1" }));
    url = installation.controlPlane.url;
    browser = await openBrowser(installation.fleet.server, url);
    page = browser.page;
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    await mkdir(ARTIFACTS, { recursive: true });
    await page?.screenshot({ path: join(ARTIFACTS, `${task.name.slice(0, 40).replaceAll(/\W+/g, "-")}.png`) });
  });
  afterAll(async () => {
    await browser?.close();
    await installation?.remove();
  });

  async function expectSound(): Promise<void> {
    expect(await browser.audit()).toEqual([]);
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  }
  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  const table = () => page.getByRole("table", { name: "Hosts" });

  test("hosts are told in a sentence, filtered with help, and grouped by a label", async () => {
    await page.goto(url);
    const { email = "", password = "" } = installation.controlPlane.firstPassword ?? {};
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.keyboard.press("Enter");
    await heading("Choose your own password");
    await page.getByLabel("Password you just used").fill(password);
    await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("New password, once more").fill(PASSWORD);
    await press("Change the password");
    await heading("Hosts");
    await page.getByText(/^2 ok/).waitFor({ timeout: NOTICED_MS });
    await expectSound();

    const filter = page.getByRole("combobox", { name: "Filter hosts" });
    await filter.pressSequentially("heal");
    await page.getByRole("option", { name: /^health=/ }).waitFor();
    await filter.press("ArrowDown");
    await filter.press("Enter");
    await page.getByRole("option", { name: "ok", exact: true }).click();
    expect(await filter.inputValue()).toBe("health=ok ");
    await page.getByText("2 of 2 loaded").waitFor();
    await expectSound();
    await press("Clear the filter");

    await page.getByLabel("Group by").selectOption("name");
    const heads = table().getByRole("button", { expanded: false });
    await eventually(
      "a group for each name",
      NOTICED_MS,
      () => heads.count(),
      (count) => count === 2,
    );
    await heads.first().press("Enter");
    await table().getByRole("link").first().waitFor();
    expect(await table().getByRole("link").count()).toBe(1);
    await expectSound();
  });

  test("what is shown is kept as a view, renamed and found again", async () => {
    await press("Views");
    await page.getByRole("menuitem", { name: "Save this view…" }).click();
    await page.getByLabel("Name", { exact: true }).fill("One by one");
    await expectSound();
    await press("Save");
    await page.getByRole("button", { name: "One by one" }).waitFor();
    await page.goto(`${url}/hosts`);
    await press("Views");
    await page.getByRole("menuitem", { name: "One by one" }).click();
    await eventually(
      "the groups of the view",
      NOTICED_MS,
      () => table().getByRole("button", { expanded: false }).count(),
      (count) => count === 2,
    );
    await press("One by one");
    await page.getByRole("menuitem", { name: "Rename or share…" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Each alone");
    await press("Save");
    await press("Each alone");
    await page.getByRole("menuitem", { name: "Delete this view" }).click();
    await press("Delete this view");
    await page.getByRole("button", { name: "Views", exact: true }).waitFor();
  });

  test("the map shows each host, and leads to it by the keyboard", async () => {
    await page.goto(`${url}/hosts?show=map`);
    const map = page.getByRole("listbox", { name: "Map of the hosts by health" });
    await map.focus();
    await map.getByRole("option", { name: /OK/ }).waitFor({ state: "attached", timeout: NOTICED_MS });
    await expectSound();
    await map.press("ArrowRight");
    await map.press("Enter");
    await page.getByRole("link", { name: "What happened here" }).waitFor();
    await expectSound();
  });

  test("what is changed by hand is shown in the inbox, put right from there, and told on the host's page", async () => {
    const { organization, api } = installation;
    const { stacks: [stack] = [] } = await api.stacks.listStacks({ organization, filter: "shop" });
    const policy = { ...stack?.policy, drift: "DRIFT_REPORT" as const };
    await api.stacks.updateStack({ organization, stackId: stack?.id ?? "", policy, etag: stack?.etag });
    await page.goto(`${url}/drift`);
    await heading("Drift");
    await page.getByRole("heading", { name: "Nothing differs" }).waitFor();
    await expectSound();

    const { web: before = "" } = await containersOf(host, "shop");
    await eventually(
      "the policy reached the host, and what is removed stays away",
      NOTICED_MS,
      async () => {
        const { web } = await containersOf(host, "shop");
        if (web !== undefined) await host.host.engine.docker.getContainer(web).remove({ force: true });
        return page.getByRole("article").count();
      },
      (count) => count === 1,
    );
    const card = page.getByRole("article");
    await card
      .getByText(/shop-web-1/)
      .first()
      .waitFor();
    await page.getByText("1 difference waits").waitFor({ state: "attached" });
    await expectSound();
    await card.getByRole("button", { name: "Put it right" }).click();
    const { web: after } = await eventually(
      "the container is back",
      NOTICED_MS,
      () => containersOf(host, "shop"),
      ({ web }) => web !== undefined,
    );
    expect(after).not.toBe(before);
    await page.getByRole("radio", { name: "Also ended" }).click();
    await page.getByText("Put right", { exact: true }).first().waitFor({ timeout: NOTICED_MS });
    await expectSound();

    await page.goto(`${url}/hosts/${host.hostId}/timeline`);
    await page.getByRole("button", { name: "Drift and healing" }).click();
    await page.getByText(/shop/).first().waitFor({ timeout: NOTICED_MS });
    await page.getByText("drift.", { exact: false }).first().waitFor();
    await expectSound();
  });

  test("a host takes no new work, and takes it again", async () => {
    await page.goto(`${url}/hosts/${host.hostId}`);
    await press("More actions");
    await page.getByRole("menuitem", { name: "Keep new work off" }).click();
    await page.getByLabel("Reason").fill("new disk");
    await page.getByRole("dialog").getByRole("button", { name: "Keep new work off" }).click();
    await page.getByText("Takes no new work", { exact: true }).waitFor();
    await press("More actions");
    await page.getByRole("menuitem", { name: "Take work again" }).click();
    await page.getByText("Takes no new work", { exact: true }).waitFor({ state: "detached" });
  });

  test("figures of the fleet are explored, and the link says what is shown", async () => {
    await page.goto(`${url}/explore?range=1h`);
    await heading("Metrics");
    await page.getByLabel("Group by").selectOption("@host");
    await page.getByLabel("Compare with").selectOption("day");
    const said = Object.fromEntries(new URL(page.url()).searchParams);
    expect(said).toEqual({ range: "1h", groupBy: "@host", compare: "day" });
    await page
      .getByRole("table", { name: "Groups, and which are drawn" })
      .or(page.getByRole("heading", { name: "No figures for this" }))
      .waitFor();
    await expectSound();
  });
});
