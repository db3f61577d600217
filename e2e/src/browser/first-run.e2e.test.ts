import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type ControlPlane, type Program, startControlPlane } from "@windflow/installer";
import { type Fleet, buildImages, createFleet, repositoryRoot } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { builtUi } from "./built-ui.ts";
import { type BrowserPage, openBrowser } from "./pages.ts";
import { type BareHost, putAgentOnDisk } from "./pasted-line.ts";

const PORT = 8443;
const PASSWORD = "a long and private sentence";
const ARTIFACTS = join(repositoryRoot, "e2e/artifacts");
const FIRST_LOAD_BYTES = 300_000;
const ROLLOUT_MS = 90_000;
const COMPOSE = (greeting: string): string => `services:
  web:
    image: wf/busybox:1
    command: ["sh", "-c", "echo ${greeting} is served; mkdir -p /www; echo ${greeting} > /www/index.html; exec httpd -f -v -p 80 -h /www"]
    ports:
      - "8080:80"
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
      interval: 1s
      timeout: 2s
      retries: 5
    stop_grace_period: 1s
    restart: unless-stopped
`;

// A person who has just started a control plane does the whole way by clicking and typing; each test goes on where the one before ended.
describe("the first run, in a browser", () => {
  let fleet: Fleet;
  let controlPlane: ControlPlane;
  let browser: BrowserPage;
  let page: Page;
  let firstPassword: ControlPlane["firstPassword"];
  let host: BareHost;
  let second: BareHost;
  const agents: Program[] = [];
  let uiFolder: string;

  beforeAll(async () => {
    [fleet, uiFolder] = await Promise.all([createFleet({ hosts: 2 }), builtUi()]);
    controlPlane = await bootControlPlane();
    firstPassword = controlPlane.firstPassword;
    const [first, other] = fleet.hosts;
    if (first === undefined || other === undefined) throw new Error("the fleet has too few hosts");
    await buildImages(first.engine.docker, ["busybox"]);
    host = await putAgentOnDisk(first);
    second = await putAgentOnDisk(other);
    browser = await openBrowser(fleet.server, controlPlane.url);
    page = browser.page;
  });
  async function bootControlPlane(): Promise<ControlPlane> {
    const { server, serverAddress } = fleet;
    return startControlPlane({
      root: repositoryRoot,
      stateFolder: join(server.folder, "state"),
      address: serverAddress,
      port: PORT,
      names: [serverAddress],
      uiFolder,
      logFile: join(server.folder, "control-plane.log"),
      env: {},
      start: (command, { logFile }) => server.run(command, { logFile }),
    });
  }
  // Looked at when a test has failed: what the person would have seen.
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    await mkdir(ARTIFACTS, { recursive: true });
    await page?.screenshot({ path: join(ARTIFACTS, `${task.name.slice(0, 40).replaceAll(/\W+/g, "-")}.png`) });
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(agents.map((agent) => agent.kill()));
    await fleet?.remove();
  });

  /** Nothing serious for assistive technology, nothing that the policy refuses, nothing from elsewhere, nothing uncaught. */
  async function expectSound(): Promise<void> {
    expect(await browser.audit()).toEqual([]);
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  }
  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  /** Replaces the text of the editor as typing would, without its own indenting and closing of brackets. */
  async function write(text: string): Promise<void> {
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.insertText(text);
  }

  test("signing in with the first password asks for one's own", async () => {
    await page.goto(controlPlane.url);
    await heading("Sign in");
    await expectSound();
    const { email = "", password = "" } = firstPassword ?? {};
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill("not this one at all");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password").fill(password);
    await page.keyboard.press("Enter");

    await heading("Choose your own password");
    await expectSound();
    await page.getByLabel("Password you just used").fill(password);
    await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("New password, once more").fill(PASSWORD);
    await page.getByRole("button", { name: "Change the password" }).click();
    await heading("Hosts");
    await page.getByRole("heading", { name: "No host yet" }).waitFor();
    await expectSound();
    // Three pages and the fonts; the editor, the terminal and the charts come when they are asked for.
    expect(browser.loadedBytes()).toBeGreaterThan(50_000);
    expect(browser.loadedBytes()).toBeLessThanOrEqual(FIRST_LOAD_BYTES);
  });

  test("the pasted line brings a host in, and the page turns green by itself", async () => {
    await page.getByRole("link", { name: "Add the first host" }).click();
    await heading("Add a host");
    await page.getByRole("button", { name: "Add a label" }).click();
    await page.getByLabel("Labels: key 1").fill("site");
    await page.getByLabel("Labels: value 1").fill("test");
    await expectSound();
    await page.getByRole("button", { name: "Show the line to paste" }).click();
    await page.getByRole("radio", { name: "Agent is on its disk" }).click();
    const line = await page.getByRole("group", { name: "The line to paste" }).innerText();
    await page.getByText("Waiting for the host to dial in…").waitFor();
    await expectSound();

    await host.paste(line.trim());
    agents.push(await host.startAgent());
    await page.getByText("host1 is online").waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Open the host" }).click();
    await heading("host1");
    await page
      .getByText(/docker.* \d+\.\d+/i)
      .first()
      .waitFor();
    await page.getByRole("img", { name: /^CPU/ }).waitFor({ timeout: 60_000 });
    await expectSound();
  });

  test("a line for several hosts lets each in when a person approves, and a revoked one is out", async () => {
    await page.goto(`${controlPlane.url}/hosts/add`);
    await page.getByLabel("How many hosts").selectOption("5");
    await page.getByRole("button", { name: "Show the line to paste" }).click();
    await page.getByRole("radio", { name: "Agent is on its disk" }).click();
    const line = await page.getByRole("group", { name: "The line to paste" }).innerText();
    await second.paste(line.trim());
    agents.push(await second.startAgent());
    await page.getByText("host2 asks to be let in").waitFor();
    await expectSound();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("host2 is online").waitFor();

    await page.getByRole("link", { name: "Open the host" }).click();
    await heading("host2");
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke the host" }).click();
    await page.locator("h1 ~ *", { hasText: "Revoked" }).waitFor();
    await expectSound();
  });

  test("a stack is written, its mistake is shown at its line, and its plan before anything happens", async () => {
    await page.getByRole("link", { name: "Stacks", exact: true }).first().click();
    await page.getByRole("heading", { name: "No stack yet" }).waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Start from my own" }).click();
    await page.getByLabel("Name").fill("greeter");
    await page.getByRole("radio", { name: "By labels" }).click();
    await page.getByRole("button", { name: "Add a label" }).click();
    await page.getByLabel("Labels: key 1").fill("site");
    await page.getByLabel("Labels: value 1").fill("test");
    await page.getByText("Matches 1 host now").waitFor();
    await expectSound();
    await page.getByRole("button", { name: "Go on to the compose file" }).click();

    await heading("Write greeter");
    await write(COMPOSE("hello").replace("image:", "imge:"));
    await page.getByRole("button", { name: /imge/ }).first().waitFor();
    expect(await page.locator(".cm-lintRange-error").first().innerText()).toBe("imge");
    expect(await page.getByRole("button", { name: /imge/ }).first().innerText()).toContain("compose.yaml:3:5");
    await expectSound();
    await write(COMPOSE("hello"));
    await page.getByText("No problems: this can be deployed.").waitFor();
    await page.getByRole("button", { name: "Review the plan" }).click();
    await page.getByText("greeter-web-1").first().waitFor();
    await expectSound();
    await page.getByLabel("Why this change").fill("first cut");
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
  });

  test("the rollout is watched to its end, and the stack answers", async () => {
    await heading("greeter → revision 1");
    await page.locator("h1 ~ .pill", { hasText: "Succeeded" }).waitFor({ timeout: ROLLOUT_MS });
    await expectSound();
    const address = fleet.hosts[0]?.address ?? "";
    const answer = await fetch(`http://${address}:8080/`);
    expect((await answer.text()).trim()).toBe("hello");
    await page.getByRole("link", { name: "Open the stack" }).click();
    await heading("greeter");
    await page.getByText("Running", { exact: true }).first().waitFor();
    await expectSound();
  });

  test("the container shows its logs, a terminal and its figures", async () => {
    await page.getByRole("link", { name: "web", exact: true }).click();
    await heading("greeter-web-1");
    await page.getByText("hello is served").waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Terminal", exact: true }).click();
    await page.getByText("Connected").waitFor();
    await page.keyboard.type("echo answer-$((40+2))\r");
    await page.locator(".xterm-rows").getByText("answer-42").first().waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Figures", exact: true }).click();
    await page.getByRole("img", { name: /^Memory/ }).waitFor({ timeout: 90_000 });
    await expectSound();
    await page.getByRole("link", { name: "Facts", exact: true }).click();
    await page.getByText("wf/busybox:1").first().waitFor();
    await expectSound();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.locator("h1 ~ .pill", { hasText: "Exited" }).waitFor();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.locator("h1 ~ .pill", { hasText: "Healthy" }).waitFor();
  });

  test("a second revision shows what changed, and the first is one click away", async () => {
    await page.getByRole("link", { name: "greeter", exact: true }).click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await heading("Edit greeter");
    await write(COMPOSE("bonjour"));
    await page.getByText("No problems: this can be deployed.").waitFor();
    await page.getByRole("button", { name: "Review the plan" }).click();
    await page.getByText("greeter-web", { exact: false }).first().waitFor();
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await heading("greeter → revision 2");
    await page.locator("h1 ~ .pill", { hasText: "Succeeded" }).waitFor({ timeout: ROLLOUT_MS });
    await page.getByRole("link", { name: "Open the stack" }).click();
    await page.getByRole("link", { name: /^Revisions/ }).click();
    await page.getByRole("button", { name: "Changes" }).first().click();
    await page.locator(".line--added", { hasText: "bonjour" }).first().waitFor();
    await expectSound();

    await page.getByRole("button", { name: "Roll back to revision 1" }).click();
    await page.getByRole("dialog").getByText("greeter-web", { exact: false }).first().waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Deploy", exact: true }).click();
    await heading("greeter → revision 1");
    await page.locator("h1 ~ .pill", { hasText: "Succeeded" }).waitFor({ timeout: ROLLOUT_MS });
    const answer = await fetch(`http://${fleet.hosts[0]?.address}:8080/`);
    expect((await answer.text()).trim()).toBe("hello");
  });

  test("a control plane that is killed and comes back is noticed, without loading the page again", async () => {
    await page.goto(`${controlPlane.url}/hosts`);
    await page.getByText("Live", { exact: true }).waitFor();
    await controlPlane.program.kill();
    await page.getByText("Not live", { exact: true }).first().waitFor();
    controlPlane = await bootControlPlane();
    await page.getByText("Live", { exact: true }).waitFor();
    await expectSound();
  });

  test("every other page is sound, in French and in the dark too", async () => {
    for (const [path, name] of [
      ["/containers", "Containers"],
      ["/discovered", "Discovered projects"],
      ["/events", "Events"],
      ["/rollouts", "Rollouts"],
      ["/settings/registries", "Registries"],
      ["/settings/tokens", "API tokens"],
    ] as const) {
      await page.goto(`${controlPlane.url}${path}`);
      await heading(name);
      await expectSound();
    }
    await page.keyboard.press("Control+k");
    await page.keyboard.type("host1");
    await page.getByRole("option", { name: /host1/ }).waitFor();
    await expectSound();
    await page.keyboard.press("Enter");
    await heading("host1");

    await page.getByRole("button", { name: /Account, theme and language/ }).click();
    await page.getByRole("menuitem", { name: "Dark" }).click();
    await page.getByRole("button", { name: /Account, theme and language/ }).click();
    await page.getByRole("menuitem", { name: "Français" }).click();
    await page.getByRole("link", { name: "Hôtes" }).first().click();
    await heading("Hôtes");
    await expectSound();
    await page.getByRole("button", { name: /Compte, thème et langue/ }).click();
    await page.getByRole("menuitem", { name: "Se déconnecter" }).click();
    await heading("Connexion");
    await expectSound();
  });
});
