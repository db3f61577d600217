import { developmentKey, signChecksums } from "@windflow/installer/build";
import {
  enroll,
  hostReport,
  newHostKey,
  startTestApp,
  testHosts,
  type TestApp,
  type TestHosts,
  type TestSession,
} from "@windflow/control-plane/testing";
import { repositoryRoot } from "@windflow/e2e/testbed";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { builtUi } from "./built-ui.ts";
import { type BrowserPage, openBrowserHere } from "./pages.ts";

const ARTIFACTS = join(repositoryRoot, "e2e/artifacts");
const PASSWORD = "a long and private sentence";

// What an operator does about agents that nobody will ever visit. The control plane is real; the hosts are sessions of a test,
// since what agents do about all this is shown where they are (updates, clones and links have tests of their own).
describe("agents, in a browser", () => {
  let folder: string;
  let app: TestApp;
  let hosts: TestHosts;
  let browser: BrowserPage;
  let page: Page;
  const sessions: TestSession[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "windflow-agents-"));
    const uiFolder = await builtUi();
    const installFolders = [await writeRelease("0.9.0")];
    app = await startTestApp({ parts: { uiFolder, installFolders } });
    hosts = testHosts(app);
    browser = await openBrowserHere(app.url);
    page = browser.page;
    await page.goto(app.url);
    await page.getByLabel("E-mail").fill("admin@windflow.test");
    await page.getByLabel("Password").fill(app.firstPassword);
    await page.keyboard.press("Enter");
    await heading("Choose your own password");
    await page.getByLabel("Password you just used").fill(app.firstPassword);
    await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("New password, once more").fill(PASSWORD);
    await page.getByRole("button", { name: "Change the password" }).click();
    await heading("Hosts");
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    await mkdir(ARTIFACTS, { recursive: true });
    await page?.screenshot({ path: join(ARTIFACTS, `${task.name.slice(0, 40).replaceAll(/\W+/g, "-")}.png`) });
  });
  afterAll(async () => {
    for (const session of sessions) session.close();
    await browser?.close();
    await app?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A release as a build leaves it, signed by the development key; its program is never run here. */
  async function writeRelease(version: string): Promise<string> {
    const release = join(folder, version);
    await mkdir(release, { recursive: true });
    const program = Buffer.from(`#!/bin/sh\necho ${version}\n`);
    const note = { version, commit: "0123456789abcdef", channel: "DEV", protocolMin: 1, protocolMax: 1 };
    const files = new Map<string, Uint8Array>([
      ["windflow-agent-linux-x64", program],
      ["windflow-agent-linux-x64.zst", zstdCompressSync(program)],
      ["release.json", Buffer.from(JSON.stringify({ ...note, releasedAt: "2026-11-01T00:00:00Z" }))],
    ]);
    const sums = [...files].map(
      ([name, content]) => `${createHash("sha256").update(content).digest("hex")}  ${name}\n`,
    );
    files.set("SHA256SUMS", Buffer.from(sums.join("")));
    files.set("SHA256SUMS.sig", signChecksums(Buffer.from(sums.join("")), developmentKey()));
    for (const [name, content] of files) await writeFile(join(release, name), content);
    return release;
  }
  async function expectSound(): Promise<void> {
    expect(await browser.audit()).toEqual([]);
    expect(browser.faults).toEqual({ policy: [], foreign: [], uncaught: [] });
  }
  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  const dialog = () => page.getByRole("dialog");

  test("hosts that wait are let in with the labels that were taken, or sent away", async () => {
    const { secret } = await hosts.newToken({ maxUses: 10, labels: { plant: "metz" } });
    for (const name of ["line-1", "line-2", "stray"])
      await enroll(app, secret, await newHostKey(), name, name === "stray" ? {} : { site: "metz", ring: "early" });
    await page.getByRole("link", { name: "Look at them" }).click();
    await heading("Hosts that ask to be let in");
    await page.getByText("3 of 3 loaded").waitFor();
    await expectSound();

    await page.getByRole("checkbox", { name: "Choose stray" }).check();
    await page.getByRole("button", { name: "Send away…" }).click();
    await dialog().getByLabel("Why").fill("nobody knows it");
    await expectSound();
    await dialog().getByRole("button", { name: "Send 1 host away" }).click();
    await page.getByText("2 of 2 loaded").waitFor();

    await page.getByRole("button", { name: "Choose all 2" }).click();
    await page.getByRole("button", { name: "Let in…" }).click();
    await dialog()
      .getByRole("checkbox", { name: /^site=metz/ })
      .check();
    await expectSound();
    await dialog().getByRole("button", { name: "Let 2 hosts in" }).click();
    await page.getByRole("heading", { name: "Nobody waits at the door" }).waitFor();
    await expectSound();
    const { json } = await app.rest.call("GET", `/v1/organizations/${app.organizationId}/hosts?filter=line`);
    const labels = (json as { hosts: { labels: object }[] }).hosts.map((host) => host.labels);
    expect(labels).toEqual([
      { plant: "metz", site: "metz" },
      { plant: "metz", site: "metz" },
    ]);
  });

  test("of two machines with one key, one click says which is the host", async () => {
    const identity = await hosts.newHost("press", { maxUses: 5 });
    await hosts.act(identity.hostId, "approve");
    sessions.push(await hosts.session(identity, { bootId: "boot-original", host: hostReport("press") }));
    sessions.push(await hosts.session(identity, { bootId: "boot-copy", host: hostReport("press-copy") }));
    for (const bootId of ["boot-original", "boot-copy"])
      await expect(hosts.session(identity, { bootId })).rejects.toThrow("WF_HOST_QUARANTINED");
    await page.goto(`${app.url}/hosts/${identity.hostId}`);
    await page.getByRole("heading", { name: "Machines that showed this host's key" }).waitFor();
    await page.getByText("boot-original").waitFor();
    await page.getByText("boot-copy").first().waitFor();
    await expectSound();
    const column = page.getByRole("columnheader", { name: /Here the longest/ });
    const name = (await column.innerText()).split("\n")[0] ?? "";
    await page.getByRole("button", { name: `This one is the host: ${name}` }).click();
    await dialog().getByText("becomes a host of its own").waitFor();
    await expectSound();
    await dialog().getByRole("button", { name: "It is the host" }).click();
    await page.getByText("A copy: enrols anew when it next calls").waitFor();
    await expectSound();
  });

  test("a release is brought to hosts after a look at the plan, and stopped", async () => {
    const identity = await hosts.newHost("cabinet", { maxUses: 5 });
    await hosts.act(identity.hostId, "approve");
    const build = { commit: "", development: true, arch: "x64", protocolMin: 1, protocolMax: 1, cannotUpdate: "" };
    sessions.push(await hosts.session(identity, { bootId: "boot-cabinet", host: hostReport("cabinet"), build }));
    await page.getByRole("link", { name: "Agent updates" }).click();
    await heading("Agent updates");
    await page.getByText("0.9.0").first().waitFor();
    await expectSound();
    await page.getByRole("link", { name: "Bring it to hosts…" }).click();
    await heading("Update agents");
    await page.getByRole("heading", { name: "What would happen" }).waitFor();
    await page.getByText("Wave 1").first().waitFor();
    await expectSound();
    const start = page.getByRole("button", { name: /^Update \d+ host/ });
    await start.click();
    await heading("Agents to 0.9.0");
    await expectSound();
    await page.getByRole("button", { name: "Cancel the update" }).click();
    await dialog().getByLabel("Why").fill("only a look");
    await dialog().getByRole("button", { name: "Cancel the update" }).click();
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
    await expectSound();
  });

  test("a link profile is written, followed by its hosts and seen on them", async () => {
    await page.getByRole("link", { name: "Links", exact: true }).click();
    await page.getByRole("heading", { name: "Every host has an open link" }).waitFor();
    await expectSound();
    await page.getByRole("button", { name: "Add a profile" }).click();
    await dialog().getByLabel("Name", { exact: true }).fill("Cabinets");
    await dialog().getByRole("switch", { name: "Every byte costs" }).click();
    await dialog().getByRole("button", { name: "Add a limit" }).click();
    await dialog().getByRole("button", { name: "Save" }).click();
    await dialog().getByText("More than 0").waitFor();
    await dialog().getByLabel("Limit 1: Rate").fill("500");
    await dialog().getByLabel("Limit 1: When").selectOption("hours");
    await dialog().getByLabel("Limit 1: From").fill("22:00");
    await dialog().getByLabel("Limit 1: Until").fill("05:30");
    await dialog().getByText("over midnight").waitFor();
    await expectSound();
    await dialog().getByRole("button", { name: "Save" }).click();
    await page.getByText("Layers and files: 500 kB/s, 22:00 – 05:30").waitFor();
    await page.getByRole("heading", { name: "Image cache" }).waitFor();
    await expectSound();
    const { json } = await app.rest.call("GET", `/v1/organizations/${app.organizationId}/hosts?filter=press`);
    const [press] = (json as { hosts: { id: string }[] }).hosts;
    await page.goto(`${app.url}/hosts/${press?.id}`);
    await page.getByText("Cabinets").first().waitFor();
    await page.getByText("Metered").first().waitFor();
    await expectSound();
  });
});
