import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createRegistryAuthority, repositoryRoot, startRegistry, type TestRegistry } from "@windflow/e2e/testbed";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Installation, type InstalledHost, createInstallation } from "../installation/installation.ts";
import { builtUi } from "./built-ui.ts";
import { type BrowserPage, openBrowser } from "./pages.ts";

const ARTIFACTS = join(repositoryRoot, "e2e/artifacts");
const PASSWORD = "a long and private sentence";
const ROLLOUT_MS = 90_000;
const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
/** More than one piece of an upload. */
const PAYLOAD_BYTES = 2_500_000;
const FOLDER: Record<string, string | Buffer> = {
  "compose.yaml": `services:
  web:
    build: ./app
    command: ${IDLE}
    volumes: ["./conf:/conf:ro"]
    stop_grace_period: 1s
`,
  "conf/app.ini": "greeting = hello\n",
  "app/Dockerfile": "FROM wf/busybox:1\nCOPY . /app\nRUN ls /app && echo built by clicking\n",
  "app/.dockerignore": "junk\n",
  "app/payload.bin": randomBytes(PAYLOAD_BYTES),
  "app/run.sh": "#!/bin/sh\necho hello\n",
  "app/junk/large.log": "left out\n",
};
const FRONT = `services:
  page:
    image: wf/busybox:1
    command: ["httpd", "-f", "-p", "80"]
    init: true
    ports: ["18090:80"]
`;

const WITH_VOLUME = (tier: string, command: string): string => `services:
  web:
    image: wf/busybox:1
    command: ${command}
    volumes: ["data:/data"]
    stop_grace_period: 1s
volumes: {data: {labels: {tier: "${tier}"}}}
`;

// What a person brings along: a folder with a Dockerfile, a private registry, a project that runs already.
describe("files, builds, volumes, registries and adoption, in a browser", () => {
  let installation: Installation;
  let host: InstalledHost;
  let browser: BrowserPage;
  let page: Page;
  let registry: TestRegistry;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "windflow-deploying-"));
    const authority = await createRegistryAuthority();
    const uiFolder = await builtUi();
    installation = await createInstallation([{ trusts: authority.rootFile }], uiFolder);
    const [only] = installation.hosts;
    if (only === undefined) throw new Error("the installation has no host");
    host = only;
    const { server, serverAddress } = installation.fleet;
    registry = await startRegistry(server, { credentials: true, authority, address: serverAddress });
    for (const [path, content] of Object.entries(FOLDER)) await put(join("shop", path), content);
    await put("front/compose.yaml", FRONT);
    await composeUp("front");
    url = installation.controlPlane.url;
    browser = await openBrowser(server, url);
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
    await rm(folder, { recursive: true, force: true });
  });

  async function put(path: string, content: string | Buffer): Promise<void> {
    const file = join(folder, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, content);
  }
  async function composeUp(project: string): Promise<void> {
    const { programs, socketPath } = host.host.engine;
    const env = { ...programs.environment(process.env), DOCKER_HOST: `unix://${socketPath}` };
    const program = join(programs.pluginFolder, "docker-compose");
    await promisify(execFile)(program, ["up", "-d", "--wait"], { cwd: join(folder, project), env });
  }
  async function startOf(name: string): Promise<string> {
    const { Id, State } = await host.host.engine.docker.getContainer(name).inspect();
    return `${Id} ${State.StartedAt}`;
  }
  async function expectSound(): Promise<void> {
    expect(await browser.audit()).toEqual([]);
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  }
  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();

  /** Drags a file or folder of this machine onto the page and lets it go there. */
  async function drop(path: string): Promise<void> {
    const devtools = await page.context().newCDPSession(page);
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    const { x, y } = (await page.locator(".cm-content").boundingBox()) ?? { x: 0, y: 0 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const)
      await devtools.send("Input.dispatchDragEvent", { type, x: x + 5, y: y + 5, data });
    await devtools.detach();
  }

  test("a compose project that runs is adopted, and no container is touched", async () => {
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

    const before = await startOf("front-page-1");
    await page.getByRole("link", { name: "Discovered" }).click();
    await page.getByRole("link", { name: "front", exact: true }).click();
    await heading("Adopt front");
    await page.getByText("No problems: this can be deployed.").waitFor();
    await expectSound();
    await press("What would change");
    await page.getByRole("heading", { name: "Nothing would change" }).waitFor();
    await expectSound();
    await press("Adopt");
    await heading("front");
    await page.getByText("Running", { exact: true }).first().waitFor();
    expect(await startOf("front-page-1")).toBe(before);
  });

  test("a folder with a Dockerfile is dropped, built on a host, deployed and runs", async () => {
    await page.goto(`${url}/stacks/new`);
    await page.getByLabel("Name").fill("shop");
    await press("Go on to the compose file");
    await heading("Write shop");
    await page.getByRole("radio", { name: /^Files/ }).click();
    await expectSound();
    await drop(join(folder, "shop"));
    await page.getByText(".dockerignore left 1 file out").waitFor();
    await page.getByRole("treeitem", { name: /payload\.bin/ }).waitFor();
    await page.getByRole("treeitem", { name: /run\.sh/ }).click();
    expect(await page.getByLabel("Mode", { exact: true }).inputValue()).toBe("0755");
    await expectSound();
    await page.getByRole("radio", { name: /^Problems/ }).click();
    await page.getByText("Built from this source: web.").waitFor();
    await press("Review the plan");

    await page.getByRole("heading", { name: /This stack needs a build/ }).waitFor();
    await expectSound();
    await press("Build");
    await page.getByText("built by clicking").first().waitFor({ timeout: ROLLOUT_MS });
    await page.getByRole("button", { name: "Go on to the plan" }).click({ timeout: ROLLOUT_MS });
    await page.getByText("shop-web-1").first().waitFor();
    await expectSound();
    await press("Deploy");
    await heading("shop → revision 1");
    await page.locator("h1 ~ .pill", { hasText: "Succeeded" }).waitFor({ timeout: ROLLOUT_MS });
    const { docker } = host.host.engine;
    const exec = await docker.getContainer("shop-web-1").exec({
      Cmd: [
        "sh",
        "-c",
        "cat /conf/app.ini; ls -l /app | wc -l; /app/run.sh; test ! -e /app/junk && echo no-junk; wc -c < /app/payload.bin",
      ],
      AttachStdout: true,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of await exec.start({ hijack: true, stdin: false })) chunks.push(chunk as Buffer);
    const said = Buffer.concat(chunks).toString();
    for (const words of ["greeting = hello", "hello", "no-junk", String(PAYLOAD_BYTES)]) expect(said).toContain(words);

    await page.getByRole("link", { name: "Open the stack" }).click();
    await page.getByRole("link", { name: "Builds", exact: true }).click();
    await page.getByRole("link", { name: "web", exact: true }).click();
    await heading("Build of web");
    await page.getByText("built by clicking").first().waitFor();
    await expectSound();
  });

  test("what failed is taken back and says so, and a volume is made anew only when its name is typed", async () => {
    const { organization, api } = installation;
    const { stacks = [] } = await api.stacks.listStacks({ organization, filter: "shop" });
    const stackId = stacks[0]?.id ?? "";
    const revise = async (tier: string, command: string): Promise<number> => {
      const files = { "compose.yaml": WITH_VOLUME(tier, command) };
      return (await api.stacks.createRevision({ organization, stackId, source: { files } })).number ?? 0;
    };
    const deploy = async (number: number, outcome: string): Promise<void> => {
      await page.goto(`${url}/stacks/${stackId}`);
      await press(`Deploy revision ${number}`);
      await page.getByRole("dialog").getByRole("button", { name: "Deploy", exact: true }).click();
      await heading(`shop → revision ${number}`);
      await page.locator("h1 ~ .pill", { hasText: outcome }).waitFor({ timeout: ROLLOUT_MS });
    };
    await deploy(await revise("one", IDLE), "Succeeded");
    await deploy(await revise("one", '["sh", "-c", "exit 3"]'), "Failed");
    await page
      .getByText(/The previous version (runs again|is being started again)/)
      .first()
      .waitFor();
    await page.goto(`${url}/stacks/${stackId}`);
    await page.getByText("The previous version runs again").first().waitFor();
    await expectSound();

    const number = await revise("two", IDLE);
    await page.reload();
    await press(`Deploy revision ${number}`);
    await page.getByRole("heading", { name: "A volume has to be removed and made anew" }).waitFor();
    await page.getByLabel("Type shop_data to have it recreated").fill("shop_dat");
    await page.getByText("shop_data: stays as it is").waitFor();
    await page.getByLabel("Type shop_data to have it recreated").fill("shop_data");
    await page.getByText("shop_data will be removed with its data and made anew").waitFor();
    await expectSound();
    await page.getByRole("dialog").getByRole("button", { name: "Deploy", exact: true }).click();
    await heading(`shop → revision ${number}`);
    await page.locator("h1 ~ .pill", { hasText: "Succeeded" }).waitFor({ timeout: ROLLOUT_MS });
    const { Labels } = await host.host.engine.docker.getVolume("shop_data").inspect();
    expect(Labels["tier"]).toBe("two");
  });

  test("a registry is added, tested from a host with a wrong and a right password, and deleted", async () => {
    await page.goto(`${url}/settings/registries`);
    await page.getByRole("heading", { name: "No registry yet" }).waitFor();
    await expectSound();
    await press("Add a registry");
    await page.getByLabel("Address").fill(registry.address);
    await page.getByLabel("User name").fill(registry.username);
    await page.getByLabel("Password or access token").fill("not this one");
    await expectSound();
    await press("Add");
    const dialog = page.getByRole("dialog", { name: `Test ${registry.address}` });
    await dialog.getByRole("button", { name: "Test", exact: true }).click();
    await dialog.getByText("could not sign in").waitFor();
    await expectSound();
    await dialog.getByRole("button", { name: "Close" }).last().click();

    await press("Change the sign-in");
    await page.getByLabel("Password or access token").fill(registry.password);
    await press("Save");
    await dialog.getByRole("button", { name: "Test", exact: true }).click();
    await dialog.getByText("signed in").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await press(`Delete ${registry.address}`);
    await press("Delete the sign-in");
    await page.getByRole("heading", { name: "No registry yet" }).waitFor();
  });
});
