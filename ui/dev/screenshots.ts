// Takes pictures of every screen from the fixture server, in both themes and languages, wide and narrow, into ui/screenshots/.
// node --conditions=@windflow/source dev/screenshots.ts [word in the name …]
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const OUT = join(import.meta.dirname, "../screenshots");
const WORLDS = { usual: 4610, empty: 4611, large: 4612, failing: 4613 } as const;
const LAUNCH = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Long enough for a page to read, lay out and draw its charts. */
const SETTLE_MS = 700;

interface Shot {
  name: string;
  path: string;
  world?: keyof typeof WORLDS;
  act?: (page: Page) => Promise<unknown>;
}
const SHOTS: Shot[] = [
  { name: "hosts", path: "/hosts" },
  { name: "hosts-empty", path: "/hosts", world: "empty" },
  { name: "hosts-10000", path: "/hosts", world: "large" },
  { name: "hosts-failing", path: "/hosts", world: "failing" },
  { name: "add-host", path: "/hosts/add" },
  { name: "add-host-line", path: "/hosts/add", act: (page) => page.locator("form button[type=submit]").click() },
  {
    name: "add-host-green",
    path: "/hosts/add",
    act: async (page) => {
      await page.locator("form button[type=submit]").click();
      await page.locator(".line--ok").waitFor({ timeout: 15_000 });
    },
  },
  { name: "host", path: "/hosts/hst_0000", act: (page) => page.waitForTimeout(900) },
  { name: "host-approve", path: "/hosts/hst_0009" },
  { name: "host-containers", path: "/hosts/hst_0002/containers" },
  { name: "host-stacks", path: "/hosts/hst_0002/stacks" },
  { name: "host-shell", path: "/hosts/hst_0000/shell", act: (page) => page.waitForTimeout(900) },
  {
    name: "host-revoke",
    path: "/hosts/hst_0000",
    act: async (page) => {
      await page.locator("header button").last().click();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
    },
  },
  { name: "stacks", path: "/stacks" },
  { name: "stacks-empty", path: "/stacks", world: "empty" },
  { name: "stack", path: "/stacks/stk_1" },
  {
    name: "stack-revisions",
    path: "/stacks/stk_0/revisions",
    act: async (page) => {
      await page.locator(".revision button").first().click();
      await page.waitForTimeout(900);
    },
  },
  { name: "stack-placement", path: "/stacks/stk_0/placement" },
  { name: "stack-deploy", path: "/stacks/stk_0", act: (page) => page.locator(".button--primary").first().click() },
  { name: "new-stack", path: "/stacks/new?example=hello" },
  { name: "editor", path: "/stacks/stk_0/edit" },
  {
    name: "editor-errors",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await page.locator(".cm-content").click();
      await page.keyboard.press("Control+Home");
      await page.keyboard.press("End");
      await page.keyboard.type("\nservices:\n  broken:\nimge: nginx:latest");
      await page.waitForTimeout(900);
    },
  },
  {
    name: "editor-complete",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await page.locator(".cm-content").click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type("\nnetworks:\n  back:\n    dr");
      await page.waitForTimeout(500);
    },
  },
  {
    name: "editor-plan",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await page.waitForTimeout(600);
      await page.locator("header .button--primary").click();
      await page.waitForTimeout(500);
    },
  },
  { name: "rollouts", path: "/rollouts" },
  { name: "rollout", path: "/rollouts/rol_0" },
  { name: "rollout-failed", path: "/rollouts/rol_1" },
  { name: "containers", path: "/containers" },
  { name: "container-logs", path: "/hosts/hst_0000/containers/cshopweb0000000000000000/logs" },
  {
    name: "container-terminal",
    path: "/hosts/hst_0000/containers/cshopweb0000000000000000/terminal",
    act: async (page) => {
      await page.waitForTimeout(900);
      await page.keyboard.type("ls -la\r");
    },
  },
  {
    name: "container-stats",
    path: "/hosts/hst_0000/containers/cshopweb0000000000000000/stats",
    act: (page) => page.waitForTimeout(700),
  },
  { name: "container-inspect", path: "/hosts/hst_0000/containers/cshopdb00000000000000000/inspect" },
  { name: "events", path: "/events" },
  { name: "tokens", path: "/settings/tokens" },
  { name: "token-new", path: "/settings/tokens", act: (page) => page.locator(".button--primary").first().click() },
  {
    name: "palette",
    path: "/hosts",
    act: async (page) => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("paris");
      await page.waitForTimeout(400);
    },
  },
  { name: "account", path: "/hosts", act: (page) => page.locator(".account").first().click() },
];
const LOOKS = [
  { name: "light", theme: "light", language: "en", width: 1440, height: 900 },
  { name: "dark", theme: "dark", language: "en", width: 1440, height: 900 },
  { name: "fr", theme: "light", language: "fr", width: 1440, height: 900 },
  { name: "narrow", theme: "dark", language: "en", width: 390, height: 844 },
] as const;

async function run(browser: Browser): Promise<void> {
  const [looks, ...words] = process.argv.slice(2);
  const wanted = LOOKS.filter((look) => looks === undefined || looks === "all" || looks.split(",").includes(look.name));
  for (const look of wanted) {
    for (const shot of SHOTS.filter((one) => words.length === 0 || words.includes(one.name)))
      await take(browser, look, shot);
  }
}
async function take(browser: Browser, look: (typeof LOOKS)[number], shot: Shot): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    deviceScaleFactor: 1,
    reducedMotion: "no-preference",
  });
  await context.addInitScript(
    ([theme, language]) => {
      localStorage.setItem("windflow.theme", theme!);
      localStorage.setItem("windflow.language", language!);
    },
    [look.theme, look.language],
  );
  const page = await context.newPage();
  const said: string[] = [];
  page.on("console", (message) => message.type() !== "log" && message.type() !== "debug" && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(`http://127.0.0.1:${WORLDS[shot.world ?? "usual"]}${shot.path}`);
  await page.waitForTimeout(SETTLE_MS);
  await shot.act?.(page).catch((error: unknown) => said.push(String(error)));
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(OUT, `${shot.name}.${look.name}.png`) });
  for (const text of said.filter((line) => !line.includes("status of 503")))
    process.stdout.write(`${shot.name}.${look.name}: ${text.slice(0, 300)}\n`);
  await context.close();
}

mkdirSync(OUT, { recursive: true });
const servers: ChildProcess[] = Object.entries(WORLDS).map(([world, port]) => {
  const script = join(import.meta.dirname, "main.ts");
  return spawn(process.execPath, ["--conditions=@windflow/source", script, String(port), world], {
    stdio: ["ignore", "pipe", "inherit"],
  });
});
try {
  // Each server prints a line when it listens.
  await Promise.all(servers.map((server) => new Promise((resolve) => server.stdout?.once("data", resolve))));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: LAUNCH });
  await run(browser);
  await browser.close();
} finally {
  for (const server of servers) server.kill();
}
