import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { repositoryRoot } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Installation, createInstallation } from "../installation/installation.ts";
import { builtUi } from "./built-ui.ts";
import { type BrowserPage, openBrowser } from "./pages.ts";

const ARTIFACTS = join(repositoryRoot, "e2e/artifacts");
const PASSWORD = "a long and private sentence";
const ROLLOUT_MS = 90_000;
const compose = (command: string): string => `services:
  web:
    image: wf/busybox:1
    command: ${command}
    stop_grace_period: 1s
`;
const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
const ENDS = '["sh", "-c", "echo cannot go on; exit 3"]';

// What an operator does with a new version: one host first, look, say yes; and what fails is put back by itself.
describe("rollouts in waves, in a browser", () => {
  let installation: Installation;
  let browser: BrowserPage;
  let page: Page;
  let url: string;
  let stackId: string;

  beforeAll(async () => {
    installation = await createInstallation([{}, {}], await builtUi());
    url = installation.controlPlane.url;
    browser = await openBrowser(installation.fleet.server, url);
    page = browser.page;
    const { organization, api } = installation;
    const stack = await api.stacks.createStack({ organization, name: "shop", placement: { allHosts: true } });
    stackId = stack.id ?? "";
    await revise(IDLE);
    await signIn();
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

  async function revise(command: string): Promise<void> {
    const { organization, api } = installation;
    await api.stacks.createRevision({ organization, stackId, source: { files: { "compose.yaml": compose(command) } } });
  }
  async function signIn(): Promise<void> {
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
  }
  async function expectSound(): Promise<void> {
    expect(await browser.audit()).toEqual([]);
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  }
  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  const state = (words: string) => page.locator("h1 ~ .pill", { hasText: words }).waitFor({ timeout: ROLLOUT_MS });

  /** Opens the deployment of a revision and has one host go first, with 2 s of quiet and no pause. */
  async function canary(number: number): Promise<void> {
    await page.goto(`${url}/stacks/${stackId}`);
    await press(`Deploy revision ${number}`);
    const dialog = page.getByRole("dialog");
    await dialog.getByText("One first, then the rest").click();
    await dialog.getByText("Adjust it").click();
    await dialog.getByLabel("Pause after it", { exact: true }).first().fill("0");
    await dialog.getByLabel("Quiet time", { exact: true }).fill("2");
    await dialog.getByText("in 2 waves").waitFor();
  }

  test("one host goes first, the rest waits for a yes, and the rollout passes", async () => {
    await canary(1);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("switch", { name: "Needs approval before it begins" }).nth(1).click();
    await dialog.getByText("needs approval").first().waitFor();
    await dialog.getByText("new here → revision 1").first().waitFor();
    await dialog.getByLabel("Why").fill("the first one");
    await expectSound();
    await dialog.getByRole("button", { name: "Deploy", exact: true }).click();

    await heading("shop → revision 1");
    await page.getByText("Waits for approval").first().waitFor({ timeout: ROLLOUT_MS });
    await page.getByText("“the first one”").waitFor();
    await expectSound();
    await press("Approve wave 2");
    await page.getByRole("dialog").getByText("So far: 1 succeeded").waitFor();
    await expectSound();
    await page.getByRole("dialog").getByRole("button", { name: "Approve wave 2" }).click();
    await state("Succeeded");
    await page.getByText("2 succeeded").first().waitFor();
    await expectSound();
  });

  test("a version that fails on the first host is rolled back, and the other host is never touched", async () => {
    const [first, second] = installation.hosts;
    const containers = await Promise.all(
      [first, second].map(async (one) => (await one?.host.engine.docker.getContainer("shop-web-1").inspect())?.Id),
    );
    await revise(ENDS);
    await canary(2);
    await page.getByRole("dialog").getByText("revision 1 → 2").first().waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Deploy", exact: true }).click();
    await heading("shop → revision 2");
    await state("Rolled back");
    await expectSound();
    const now = await Promise.all(
      [first, second].map(async (one) => (await one?.host.engine.docker.getContainer("shop-web-1").inspect())?.Id),
    );
    // Names decide who goes first; the other one kept its very container.
    expect(now.filter((id, index) => id === containers[index]).length).toBeGreaterThanOrEqual(1);

    await page.getByRole("link", { name: "Open the stack" }).click();
    await page.getByRole("link", { name: /^Revisions/ }).click();
    await page.getByRole("button", { name: "Changes" }).first().click();
    await page.getByText("cannot go on").first().waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Policy", exact: true }).click();
    await page.getByRole("radio", { name: "Report it" }).click();
    await expectSound();
    await press("Save");
    await page.getByText("Policy saved").waitFor();
    await page.getByRole("link", { name: "Placement", exact: true }).click();
    await page
      .getByRole("table", { name: "Why here, and why not there" })
      .getByText("Chosen", { exact: true })
      .nth(2)
      .waitFor();
    await expectSound();
  });

  test("a maintenance window is made, and says when it opens", async () => {
    await page.goto(`${url}/windows`);
    await page.getByRole("heading", { name: "No maintenance window yet" }).waitFor();
    await expectSound();
    await press("Add a window");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("Plants, at night");
    await dialog.getByLabel("Opens at").fill("22:00");
    await dialog.getByLabel("Time zone").fill("Europe/Paris");
    await dialog.getByText("Closes at 04:00 on the next day.").waitFor();
    await expectSound();
    await press("Save");
    await page.getByText("Mon–Sun, 22:00 – 04:00, Europe/Paris").waitFor();
    await page.getByText("about 2 hosts").waitFor();
    await press("Delete Plants, at night");
    await press("Delete the window");
    await page.getByRole("heading", { name: "No maintenance window yet" }).waitFor();
  });
});
