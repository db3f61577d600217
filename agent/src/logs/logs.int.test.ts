import { appendFileSync, chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ShowOptions, showLogs } from "./index.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-logs-"));
  path = join(folder, "agent.log");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const NOW = Date.parse("2026-11-23T02:00:00Z");
const line = (minute: number, fields: object = {}): string =>
  `${JSON.stringify({ time: new Date(NOW + minute * 60_000).toISOString(), level: "info", msg: `at ${minute}`, ...fields })}\n`;

async function shown(options: ShowOptions, signal: AbortSignal = new AbortController().signal): Promise<string> {
  let text = "";
  const output = { write: (more: string) => (text += more), now: NOW, signal };
  await showLogs({ stateDir: folder } as never, options, output);
  return text;
}

test("the newest lines over rotated files, by count and by time, as a person reads them and as they were written", async () => {
  writeFileSync(`${path}.1`, line(-30) + line(-20, { reason: "the link broke", attempt: 3 }));
  writeFileSync(path, `${line(-10)}Segmentation fault\n${line(-5)}`);
  expect(await shown({})).toBe(
    [
      "2026-11-23T01:30:00.000Z info  at -30",
      '2026-11-23T01:40:00.000Z info  at -20 reason="the link broke" attempt=3',
      "2026-11-23T01:50:00.000Z info  at -10",
      "Segmentation fault",
      "2026-11-23T01:55:00.000Z info  at -5",
      "",
    ].join("\n"),
  );
  expect(await shown({ lines: "1", json: true })).toBe(line(-5));
  expect(await shown({ lines: "0" })).toBe("");
  expect(await shown({ since: "10m", json: true })).toBe(`${line(-10)}Segmentation fault\n${line(-5)}`);
  expect(await shown({ since: "2026-11-23T01:53:00Z", json: true })).toBe(line(-5));
  expect(await shown({ since: "1m" })).toBe("");
  await expect(shown({ since: "soon" })).rejects.toMatchObject({ code: "WF_CONFIG_INVALID" });
  await expect(shown({ lines: "-1" })).rejects.toMatchObject({ code: "WF_CONFIG_INVALID" });
});

test("following goes on over a rotation, and neither misses nor repeats a line", async () => {
  writeFileSync(path, line(1));
  const stop = new AbortController();
  let text = "";
  const output = { write: (more: string) => (text += more), now: NOW, signal: stop.signal };
  const following = showLogs({ stateDir: folder } as never, { follow: true, json: true }, output);
  const grown = (until: string): Promise<void> => vi.waitFor(() => expect(text).toBe(until), { timeout: 10_000 });
  await grown(line(1));
  appendFileSync(path, line(2).slice(0, 10));
  appendFileSync(path, line(2).slice(10));
  await grown(line(1) + line(2));
  appendFileSync(path, line(3));
  renameSync(path, `${path}.1`);
  writeFileSync(path, line(4));
  await grown(line(1) + line(2) + line(3) + line(4));
  stop.abort();
  await following;
});

test("without a file the journal is asked for the unit, and where there is none it is said what to do", async () => {
  // The journal of this machine is not to be written to: a program of its name says how it was called.
  const double = join(folder, "journalctl");
  writeFileSync(double, '#!/bin/sh\necho "$@"\n');
  chmodSync(double, 0o755);
  vi.stubEnv("PATH", `${folder}:/usr/bin:/bin`);
  const asked = "--unit windflow-agent --output cat --quiet --lines 5 --since @1795399200";
  expect(await shown({ lines: "5", since: "0s" })).toBe(`${asked}\n`);
  writeFileSync(double, "#!/bin/sh\necho 'No journal files were found.' >&2\nexit 1\n");
  await expect(shown({})).rejects.toMatchObject({
    code: "WF_LOG_MISSING",
    message: expect.stringMatching(/No journal files were found.*docker logs/),
  });
  vi.stubEnv("PATH", "/nonexistent");
  await expect(shown({})).rejects.toMatchObject({ message: expect.stringContaining("no journalctl on this host") });
});
