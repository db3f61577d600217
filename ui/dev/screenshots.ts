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
  {
    name: "hosts-groups",
    path: "/hosts?group=site",
    act: (page) => page.locator(".head[aria-expanded]").nth(1).click(),
  },
  {
    name: "hosts-groups-10000",
    path: "/hosts?group=site",
    world: "large",
    act: async (page) => {
      await page.locator(".head[aria-expanded]").nth(1).click();
      await page.waitForTimeout(900);
    },
  },
  {
    name: "hosts-complete",
    path: "/hosts",
    act: async (page) => {
      await page.getByRole("combobox").first().fill("site=paris hea");
      await page.keyboard.press("ArrowDown");
    },
  },
  {
    name: "hosts-map",
    path: "/hosts?show=map&group=site",
    act: async (page) => {
      await page.waitForTimeout(700);
      await page.locator(".holder").focus();
      await page.keyboard.press("ArrowRight");
    },
  },
  {
    name: "hosts-map-10000",
    path: "/hosts?show=map&group=site",
    world: "large",
    act: async (page) => {
      await page.waitForTimeout(2_500);
      await page.locator(".holder").hover({ position: { x: 300, y: 140 } });
    },
  },
  {
    name: "hosts-views",
    path: "/hosts?group=site",
    act: (page) => page.locator("button.views").click(),
  },
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
  { name: "host-offline", path: "/hosts/hst_0004" },
  { name: "host-skew", path: "/hosts/hst_0002" },
  { name: "host-timeline", path: "/hosts/hst_0005/timeline" },
  {
    name: "host-drain",
    path: "/hosts/hst_0005",
    act: async (page) => {
      await page.locator("header button").last().click();
      await page.getByRole("menuitem").nth(2).click();
    },
  },
  { name: "drift", path: "/drift" },
  { name: "drift-ended", path: "/drift?ended=yes" },
  { name: "drift-empty", path: "/drift", world: "empty" },
  { name: "drift-failing", path: "/drift", world: "failing" },
  {
    name: "drift-accepted",
    path: "/drift",
    act: async (page) => {
      await page.locator("article footer button").nth(1).click();
      await page.getByRole("dialog").locator(".button--primary").click();
      await page.waitForTimeout(700);
    },
  },
  { name: "metrics", path: "/explore", act: (page) => page.waitForTimeout(600) },
  {
    name: "metrics-groups",
    path: "/explore?groupBy=site&compare=day&range=24h",
    act: (page) => page.waitForTimeout(600),
  },
  {
    name: "metrics-table",
    path: "/explore?groupBy=site&range=7d",
    act: (page) => page.locator("[role=radio]").last().click(),
  },
  { name: "metrics-empty", path: "/explore", world: "empty" },
  { name: "metrics-failing", path: "/explore", world: "failing" },
  { name: "waiting", path: "/hosts/waiting" },
  { name: "waiting-empty", path: "/hosts/waiting", world: "empty" },
  { name: "waiting-many", path: "/hosts/waiting", world: "large" },
  { name: "waiting-failing", path: "/hosts/waiting", world: "failing" },
  {
    name: "waiting-approve",
    path: "/hosts/waiting",
    act: async (page) => {
      await page.locator("main .row button").first().click();
      await page.locator("main .button--primary").click();
      await page.getByRole("dialog").locator("input[type=checkbox]").nth(1).click();
    },
  },
  {
    name: "waiting-left",
    path: "/hosts/waiting",
    act: async (page) => {
      await page.locator("main .row button").first().click();
      await page.locator("main .button--primary").click();
      await page.getByRole("dialog").locator(".button--primary").click();
      await page.waitForTimeout(1_200);
    },
  },
  {
    name: "waiting-reject",
    path: "/hosts/waiting",
    act: async (page) => {
      await page.locator("main [role=row] input").first().click();
      await page.locator("main .button--danger").click();
    },
  },
  { name: "host-clones", path: "/hosts/hst_0010", act: (page) => page.waitForTimeout(500) },
  {
    name: "host-clones-ask",
    path: "/hosts/hst_0010",
    act: (page) => page.locator(".compare tfoot button").first().click(),
  },
  {
    name: "host-link",
    path: "/hosts/hst_0006",
    act: (page) => page.locator(".usage").first().scrollIntoViewIfNeeded(),
  },
  {
    name: "add-host-special",
    path: "/hosts/add",
    act: async (page) => {
      await page.locator("form button[type=submit]").click();
      await page.locator("[role=radio]").nth(2).click();
      await page.locator("details summary").click();
      await page.locator("details input").first().fill("http://proxy.example:3128");
      await page.locator("details input").nth(1).fill("site=metz 1");
    },
  },
  { name: "updates", path: "/updates" },
  { name: "updates-empty", path: "/updates", world: "empty" },
  { name: "updates-failing", path: "/updates", world: "failing" },
  { name: "update-new", path: "/updates/new", act: (page) => page.waitForTimeout(1_200) },
  {
    name: "update-own",
    path: "/updates/new?filter=site%3Dparis",
    act: async (page) => {
      await page.locator("input[type=radio]").nth(2).click({ force: true });
      await page.waitForTimeout(1_200);
    },
  },
  { name: "update-new-10000", path: "/updates/new", world: "large", act: (page) => page.waitForTimeout(1_500) },
  { name: "update", path: "/updates/upd_going" },
  { name: "update-asked", path: "/updates/upd_asked" },
  {
    name: "update-approve",
    path: "/updates/upd_asked",
    act: (page) => page.locator("main .button--primary").first().click(),
  },
  { name: "update-failed", path: "/updates/upd_failed" },
  { name: "update-10000", path: "/updates/upd_going", world: "large" },
  { name: "links", path: "/links" },
  { name: "links-empty", path: "/links", world: "empty" },
  { name: "links-failing", path: "/links", world: "failing" },
  { name: "link-edit", path: "/links", act: (page) => page.locator(".record button").first().click() },
  {
    name: "link-new",
    path: "/links",
    act: async (page) => {
      await page.locator("main .button--primary").first().click();
      await page.getByRole("dialog").locator(".group").nth(1).locator("button").first().click();
      await page.getByRole("dialog").locator("footer .button--primary").click();
    },
  },
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
  { name: "stack-hosts", path: "/stacks/stk_0" },
  { name: "stack-hosts-1200", path: "/stacks/stk_0", world: "large" },
  { name: "stack-policy", path: "/stacks/stk_1/policy" },
  { name: "windows", path: "/windows" },
  { name: "windows-empty", path: "/windows", world: "empty" },
  { name: "windows-failing", path: "/windows", world: "failing" },
  { name: "window-edit", path: "/windows", act: (page) => page.locator(".record button").first().click() },
  { name: "stack-placement", path: "/stacks/stk_0/placement" },
  { name: "stack-deploy", path: "/stacks/stk_0", act: (page) => page.locator(".button--primary").first().click() },
  { name: "stack-builds", path: "/stacks/stk_0/builds" },
  { name: "stack-builds-empty", path: "/stacks/stk_1/builds" },
  { name: "build-failed", path: "/stacks/stk_0/builds/bld_2", act: (page) => page.waitForTimeout(600) },
  { name: "stack-volume", path: "/stacks/stk_1", act: (page) => page.locator(".button--primary").first().click() },
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
  {
    name: "editor-files",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await page.locator("[role=radio]").nth(1).click();
      await page.getByRole("treeitem", { name: /models/ }).waitFor();
      await page.locator("[role=treeitem]").nth(2).click();
      await page.locator("[role=treeitem]").nth(6).click();
    },
  },
  {
    name: "editor-files-empty",
    path: "/stacks/stk_4/edit?from=0",
    act: (page) => page.locator("[role=radio]").nth(1).click(),
  },
  {
    name: "editor-wanted",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await write(page, "services:\n  web:\n    image: nginx:1.29\n    volumes:\n      - ./site:/srv\n");
      await page.waitForTimeout(900);
      await page.locator(".add").first().click();
    },
  },
  { name: "editor-upload", path: "/stacks/stk_0/edit", act: (page) => pick(page, 900, 6 * 1024 * 1024) },
  {
    name: "editor-many",
    path: "/stacks/stk_0/edit",
    act: async (page) => {
      await pick(page, 1_000, 1_000);
      await page.waitForTimeout(4_000);
    },
  },
  {
    name: "editor-needs-build",
    path: "/stacks/stk_3/edit",
    act: async (page) => {
      await write(page, BUILT);
      await page.waitForTimeout(900);
      await page.locator("header .button--primary").click();
      await page.waitForTimeout(500);
    },
  },
  {
    name: "editor-building",
    path: "/stacks/stk_3/edit",
    act: async (page) => {
      await write(page, BUILT);
      await page.waitForTimeout(900);
      await page.locator("header .button--primary").click();
      await page.locator("form .button--primary").click();
      await page.waitForTimeout(1_600);
    },
  },
  { name: "registries", path: "/settings/registries" },
  { name: "registries-empty", path: "/settings/registries", world: "empty" },
  { name: "registries-failing", path: "/settings/registries", world: "failing" },
  {
    name: "registry-new",
    path: "/settings/registries",
    act: async (page) => {
      await page.locator(".button--primary").first().click();
      await page.getByRole("dialog").locator(".button--primary").click();
    },
  },
  {
    name: "registry-test",
    path: "/settings/registries",
    act: async (page) => {
      await page.locator(".record").nth(1).locator("button").first().click();
      await page.getByRole("dialog").locator(".button--primary").click();
      await page.waitForTimeout(1_000);
    },
  },
  {
    name: "registry-delete",
    path: "/settings/registries",
    act: (page) => page.locator(".record").nth(1).locator("button").nth(2).click(),
  },
  { name: "discovered", path: "/discovered" },
  { name: "discovered-empty", path: "/discovered", world: "empty" },
  { name: "discovered-1000", path: "/discovered", world: "large" },
  { name: "discovered-failing", path: "/discovered", world: "failing" },
  { name: "project", path: "/discovered/hst_0000/grafana", act: (page) => page.waitForTimeout(600) },
  {
    name: "project-same",
    path: "/discovered/hst_0000/grafana",
    act: async (page) => {
      await page.waitForTimeout(900);
      await page.locator("header .button--primary").click();
      await page.waitForTimeout(500);
    },
  },
  {
    name: "project-differs",
    path: "/discovered/hst_0003/shop",
    act: async (page) => {
      await write(page, "services:\n  app:\n    image: ghcr.io/northwind/shop:2.15\n");
      await page.waitForTimeout(900);
      await page.locator("header .button--primary").click();
      await page.waitForTimeout(500);
    },
  },
  {
    name: "host-podman",
    path: "/hosts/hst_0003",
    act: (page) => page.locator(".ability").last().scrollIntoViewIfNeeded(),
  },
  { name: "rollouts", path: "/rollouts" },
  { name: "rollout", path: "/rollouts/rol_0" },
  { name: "rollout-approval", path: "/rollouts/rol_approval" },
  {
    name: "rollout-approve",
    path: "/rollouts/rol_approval",
    act: (page) => page.locator("header .button--primary").first().click(),
  },
  { name: "rollout-pause", path: "/rollouts/rol_pause" },
  { name: "rollout-window", path: "/rollouts/rol_window" },
  { name: "rollout-stopped", path: "/rollouts/rol_stopped" },
  {
    name: "rollout-back-ask",
    path: "/rollouts/rol_stopped",
    act: (page) => page.locator("header .button--danger").first().click(),
  },
  { name: "rollout-paused", path: "/rollouts/rol_paused" },
  { name: "rollout-back", path: "/rollouts/rol_back" },
  { name: "rollout-1200", path: "/rollouts/rol_large", world: "large" },
  { name: "rollout-10000", path: "/rollouts/rol_all", world: "large", act: (page) => page.waitForTimeout(800) },
  {
    name: "rollout-host",
    path: "/rollouts/rol_stopped",
    act: (page) => page.locator(".data .row-link").first().click(),
  },
  { name: "rollout-failing", path: "/rollouts/rol_0", world: "failing" },
  { name: "rollouts-empty", path: "/rollouts", world: "empty" },
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
const BUILT =
  "services:\n  capture:\n    build: ./capture\n  model:\n    build: ./model\n  ui:\n    image: nginx:1.29-alpine\n";

/** Replaces the text of the editor as typing would, without its own indenting. */
async function write(page: Page, text: string): Promise<void> {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}
/** Picks files of so many bytes that are no texts; six when they are large. */
async function pick(page: Page, count: number, bytes: number): Promise<void> {
  await page.locator("[role=radio]").nth(1).click();
  const files = Array.from({ length: bytes > 100_000 ? 6 : count }, (_, index) => ({
    name: `part-${String(index).padStart(4, "0")}.bin`,
    mimeType: "application/octet-stream",
    buffer: Buffer.alloc(bytes, `\u0000${index}`),
  }));
  await page.locator("input[type=file]").first().setInputFiles(files);
  await page.waitForTimeout(1_500);
}
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
  const env = world === "large" ? { ...process.env, WINDFLOW_FIXTURE_QUEUE: "600" } : process.env;
  return spawn(process.execPath, ["--conditions=@windflow/source", script, String(port), world], {
    env,
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
