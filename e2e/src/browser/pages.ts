import AxeBuilder from "axe-core";
import { type Browser, type BrowserContext, type Page, chromium as playwright } from "playwright-core";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Chromium, type Machine, chromium } from "@windflow/e2e/testbed";

/** What a page did that it must not do. */
export interface Faults {
  /** Violations of the content security policy, as the browser names them. */
  policy: string[];
  /** Addresses on another origin that were asked for. */
  foreign: string[];
  /** Errors that no code caught. */
  uncaught: string[];
}
export interface BrowserPage {
  readonly page: Page;
  readonly faults: Faults;
  /** Bytes of all answers so far, as they came over the wire. */
  loadedBytes(): number;
  /** Names of serious or critical faults that axe finds in what is shown, with the first place of each. */
  audit(): Promise<string[]>;
  close(): Promise<void>;
}

const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A click waits for its element this long: the machine also runs engines and a database. */
const ACTION_TIMEOUT_MS = 60_000;

/** A browser on a machine, at a control plane with its own CA, with every fault of its pages written down. */
export async function openBrowser(machine: Machine, origin: string): Promise<BrowserPage> {
  const { executablePath, args } = await chromium();
  return launch({ executablePath: await launcherOn(machine, executablePath), args }, origin);
}

/** The same on this machine, for a server on loopback. */
export async function openBrowserHere(origin: string): Promise<BrowserPage> {
  return launch(await chromium(), origin);
}

async function launch({ executablePath, args }: Chromium, origin: string): Promise<BrowserPage> {
  const browser: Browser = await playwright.launch({ executablePath, args: [...args, ...QUIET] });
  const context: BrowserContext = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
  });
  context.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const faults: Faults = { policy: [], foreign: [], uncaught: [] };
  const page = await context.newPage();
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.host !== new URL(origin).host)
      faults.foreign.push(request.url());
  });
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) faults.policy.push(message.text());
  });
  let loaded = 0;
  page.on("requestfinished", (request) => {
    void request.sizes().then(
      (sizes) => (loaded += sizes.responseHeadersSize + sizes.responseBodySize),
      () => undefined,
    );
  });
  page.on("pageerror", (error) => faults.uncaught.push(String(error)));
  // Not a <script> element: the policy of the page refuses those, and that is what is tested.
  await context.addInitScript(AxeBuilder.source);
  return { page, faults, loadedBytes: () => loaded, audit: () => audit(page), close: () => browser.close() };
}

// A browser drops its requests whenever an interface comes or goes beside it, and other tests make interfaces all the time.
async function launcherOn(machine: Machine, program: string): Promise<string> {
  const launcher = join(machine.folder, "browser");
  await writeFile(launcher, `#!/bin/sh\nexec nsenter --net=/proc/${machine.initPid()}/ns/net '${program}' "$@"\n`);
  await chmod(launcher, 0o755);
  return launcher;
}

// What fades in is judged when it is there; what turns for ever is not waited for.
const SETTLED = `Promise.all(document.getAnimations()
  .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => undefined))).then(() => undefined)`;

async function audit(page: Page): Promise<string[]> {
  await page.evaluate(SETTLED);
  const { violations } = await page.evaluate(() => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: AxeViolation[] }> } };
    return axe.run({ resultTypes: ["violations"] });
  });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(" ")} ${nodes[0]?.failureSummary ?? ""}`);
}
interface AxeViolation {
  id: string;
  impact: string | null;
  nodes: { target: string[]; failureSummary?: string }[];
}
