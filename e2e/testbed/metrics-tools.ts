import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { collect } from "./output.ts";
import { freePort } from "./postgres.ts";
import { newRunFolder, removeRunFolder } from "./run-folder.ts";
import { serverTree } from "./server-tree.ts";

/** Path of `promtool` (Debian's Prometheus, unpacked into the cache; first use: 19 MB to fetch). */
export async function promtool(): Promise<string> {
  // What the package needs beside itself is for its pages; the program is static.
  const { folder } = await serverTree("prometheus", (apt) => apt.download(["prometheus"], "own"));
  return join(folder, "usr/bin/promtool");
}

/** Path of Debian's `prometheus-node-exporter`, unpacked into the cache (first use: 4 MB to fetch). */
export async function nodeExporter(): Promise<string> {
  const { folder } = await serverTree("node-exporter", (apt) => apt.download(["prometheus-node-exporter"], "own"));
  return join(folder, "usr/bin/prometheus-node-exporter");
}

// Ready after a second; the rest is for a loaded machine.
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;

/** A VictoriaMetrics server for one comparison. */
export interface TestVictoriaMetrics {
  readonly url: string;
  readonly pid: number;
  /** Where it keeps its data. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts Debian's VictoriaMetrics on loopback, unpacked into the cache (first use: 23 MB to fetch); it dies with this process. */
export async function startVictoriaMetrics(): Promise<TestVictoriaMetrics> {
  const tree = await serverTree("victoria-metrics", (apt) => apt.download(["victoria-metrics"], "own"));
  const run = await newRunFolder("victoria");
  const folder = join(run, "data");
  await mkdir(folder);
  const port = await freePort();
  const program = join(tree.folder, "usr/bin/victoria-metrics");
  const options = [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, "-retentionPeriod=1y"];
  const server = spawn("setpriv", ["--pdeathsig", "KILL", program, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const output = collect(server);
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await isReady())) {
    if (server.exitCode !== null || Date.now() > deadline)
      throw new Error(`VictoriaMetrics did not start: ${output.all()}`);
    await sleep(READY_POLL_MS);
  }
  return {
    url,
    pid: server.pid ?? 0,
    folder,
    stop: async () => {
      server.kill("SIGTERM");
      await ended;
      await removeRunFolder(run);
    },
  };
}
