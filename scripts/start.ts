// `npm start`: from a bare machine to a running stack. `npm start -- --smoke` checks the same and takes all down again.
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { startEverything } from "./start/everything.ts";
import { claimState } from "./start/only-one.ts";
import { type StartOptions, USAGE, readOptions } from "./start/options.ts";
import { formatReport } from "./start/report.ts";
import { createTeardown } from "./start/teardown.ts";

const root = join(import.meta.dirname, "..");
const say = (line: string): void => console.log(`windflow: ${line}`);
const teardown = createTeardown(say);
const options = readOrExit();
let interrupted = false;
let failed = false;
let logs = "";

async function start(): Promise<void> {
  const home = resolve(options.state ?? join(root, ".windflow"));
  const stateFolder = options.smoke ? await smokeFolder(home) : home;
  teardown.add("", await claimState(stateFolder));
  logs = join(stateFolder, "logs");
  const setting = { root, stateFolder, engineFolder: home, options, env: process.env, teardown, say };
  const { controlPlane, page } = await startEverything(setting);
  if (options.smoke) return say(`smoke: ${page} answers, deployed through ${controlPlane.url}`);
  console.log(formatReport(controlPlane, page, stateFolder));
  const how = await controlPlane.program.ended;
  throw new Error(`The control plane ended (${how}); see ${join(logs, "control-plane.log")}`);
}

// A state of its own, so that the check begins from nothing and leaves an installation that is in use alone.
async function smokeFolder(home: string): Promise<string> {
  await mkdir(home, { recursive: true, mode: 0o711 });
  const folder = await mkdtemp(join(home, "smoke-"));
  await chmod(folder, 0o711);
  // After a failure the logs tell why; they are small, and the next check has a folder of its own.
  teardown.add("", async () => {
    const gone = failed ? ["control-plane", "agent"].map((name) => join(folder, name)) : [folder];
    for (const path of gone) await rm(path, { recursive: true, force: true });
  });
  return folder;
}

async function end(code: number): Promise<never> {
  const failures = await teardown.run();
  for (const failure of failures) console.error(`windflow: could not end ${failure}`);
  process.exit(failures.length > 0 ? 1 : code);
}

function readOrExit(): StartOptions {
  try {
    const options = readOptions(process.argv.slice(2), process.env);
    if (options !== "help") return options;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`windflow: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interrupted) return say("still stopping …");
    interrupted = true;
    // Stopping is how `npm start` is meant to end; a check that was not finished has not passed.
    end(options.smoke ? 1 : 0).catch(() => process.exit(1));
  });
}

try {
  await start();
  await end(0);
} catch (error) {
  if (!interrupted) {
    failed = true;
    console.error(`windflow: ${error instanceof Error ? error.message : String(error)}`);
    if (logs !== "") console.error(`windflow: its logs are in ${logs}`);
    await end(1);
  }
}
