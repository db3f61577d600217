import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import type { RunningAgent } from "./agent.ts";
import type { LocalCommand } from "./control/local-commands.ts";
import { type AgentConfig, type ConfigInput, readConfig } from "./config.ts";
import { AgentError } from "./errors.ts";
import type { ShowOptions } from "./logs/index.ts";
import { ownLogFile } from "./logs/where.ts";
import { createLog, reasonOf } from "./platform/log.ts";
import { offerToKernelFirst } from "./platform/oom-score.ts";
import { AGENT_VERSION, RELEASE_KEYS, describeVersion } from "./version.ts";

interface GlobalFlags {
  readonly stateDir?: string;
  readonly stacksDir?: string;
  readonly filesMaxMb?: string;
  readonly dockerHost?: string;
  readonly policyFile?: string;
  readonly allowHostShell?: boolean;
  readonly hostShellUser?: string;
  readonly name?: string;
  readonly spoolMaxMb?: string;
  readonly logLevel?: string;
  readonly logFile?: string;
  readonly peerAddress?: string;
}

interface EnrollFlags {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly caSha256?: string;
  readonly labels?: string;
}

function addSettings(command: Command): Command {
  return command
    .addOption(
      new Option("--state-dir <folder>", "where identity, desired state and spool are kept").env("WINDFLOW_STATE_DIR"),
    )
    .addOption(
      new Option("--stacks-dir <folder>", "where files of stacks are put that containers mount").env(
        "WINDFLOW_STACKS_DIR",
      ),
    )
    .addOption(
      new Option("--peer-address <host:port>", "where other hosts of the site get layers from this one").env(
        "WINDFLOW_PEER_ADDRESS",
      ),
    )
    .addOption(new Option("--files-max-mb <number>", "disk for fetched files of stacks").env("WINDFLOW_FILES_MAX_MB"))
    .addOption(new Option("--docker-host <socket>", "unix socket of the container engine").env("DOCKER_HOST"))
    .addOption(new Option("--policy-file <file>", "what the owner of this machine allows").env("WINDFLOW_POLICY_FILE"))
    .addOption(new Option("--allow-host-shell", "let the control plane open a shell on this host"))
    .addOption(new Option("--host-shell-user <name>", "whose shell that is; root without it"))
    .addOption(
      new Option("--name <name>", "name to be known by, instead of the machine's own").env("WINDFLOW_HOST_NAME"),
    )
    .addOption(
      new Option("--spool-max-mb <number>", "disk for events and samples while offline").env("WINDFLOW_SPOOL_MAX_MB"),
    )
    .addOption(new Option("--log-level <level>", "debug, info, warn or error").env("WINDFLOW_LOG_LEVEL"))
    .addOption(
      new Option(
        "--log-file <file>",
        "where the log is kept beside standard output, in at most four files of 2 MB",
      ).env("WINDFLOW_LOG_FILE"),
    );
}

function addEnrollment(command: Command): Command {
  return command
    .addOption(new Option("--server <url>", "https://HOST:PORT of the control plane"))
    .addOption(
      new Option("--token-file <file>", "file with the join token; without it the token is read from standard input"),
    )
    .addOption(new Option("--ca-file <file>", "PEM file with the control plane's certificate authority"))
    .addOption(new Option("--labels <key=value,…>", "labels to ask for; the token or an approver grants them"))
    .addOption(new Option("--ca-sha256 <hex>", "sha256 of the certificate authority that the control plane serves"));
}

function inputOf(flags: GlobalFlags): ConfigInput {
  return { ...flags, spoolMaxMegabytes: flags.spoolMaxMb, filesMaxMegabytes: flags.filesMaxMb };
}

function configOf(flags: GlobalFlags): AgentConfig {
  return readConfig(inputOf(flags));
}

async function enroll(flags: GlobalFlags & EnrollFlags): Promise<void> {
  const { enrollAgent } = await import("./enroll-agent.ts");
  if (flags.server === undefined) throw new AgentError("WF_CONFIG_INVALID", "Give --server https://HOST:PORT.");
  const token = readFileSync(flags.tokenFile ?? process.stdin.fd, "utf8").trim();
  if (token === "")
    throw new AgentError("WF_CONFIG_INVALID", "There is no join token in the file or on standard input.");
  const { identity, awaitingApproval } = await enrollAgent(configOf(flags), {
    server: flags.server,
    token,
    caFile: flags.caFile,
    caSha256: flags.caSha256,
    labels: flags.labels,
  });
  const wait = awaitingApproval ? " It waits for an operator's approval." : "";
  process.stderr.write(
    `This host is enrolled as ${identity.hostName} (${identity.hostId}) with ${identity.server}.${wait}\n`,
  );
}

async function run(flags: GlobalFlags & EnrollFlags): Promise<void> {
  const config = configOf(flags);
  if (flags.server !== undefined) {
    const { loadIdentity } = await import("./enroll/identity.ts");
    if (loadIdentity(config.stateDir) === undefined) await enroll(flags);
  }
  // Where a single executable may unpack its terminal's native half: /tmp and /run may forbid running code.
  process.env["WINDFLOW_STATE_DIR"] ??= config.stateDir;
  const { claimState } = await import("./state/state-claim.ts");
  const { serveLocally } = await import("./control/local-socket.ts");
  // Set below: the folder is claimed before anything in it is read.
  const started: { agent?: RunningAgent } = {};
  const release = await claimState(config.stateDir, (socket) =>
    serveLocally(socket, async (command) => {
      if (started.agent === undefined)
        return { text: "The agent is not ready yet: ask again.", code: "WF_NOT_RUNNING" };
      return started.agent.askLocally(command);
    }),
  );
  const { startAgent } = await import("./agent.ts");
  const { installationOf, leaveTo } = await import("./update/index.ts");
  const installation = installationOf(process.env);
  const { limitTunnels } = await import("./session/tunnel-timeout.ts");
  const { keepHeapSmall } = await import("./platform/small-heap.ts");
  const { openRotatedFile } = await import("./platform/rotated-file.ts");
  const logFile = ownLogFile(config, process.env);
  const keep = logFile === undefined ? undefined : openRotatedFile(logFile);
  const write = (line: string): void => {
    process.stdout.write(line);
    keep?.(line);
  };
  const log = createLog(config.logLevel, write, Date.now);
  offerToKernelFirst();
  limitTunnels();
  keepHeapSmall();
  // A promise that nobody waits for must not take the session down with it.
  process.on("unhandledRejection", (error) =>
    log("error", "A promise was rejected and nobody handled it.", { reason: reasonOf(error) }),
  );
  const stopped = new Promise<"stop">((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => resolve("stop"));
  });
  let agent: RunningAgent;
  let keepAlive: NodeJS.Timeout | undefined;
  let reason: "stop" | "hand-over" | "reenrolled";
  for (;;) {
    const running = startAgent(config, { log, logFile, installation });
    agent = running;
    started.agent = running;
    // Every timer and connection of the agent lets the process end; this one decides.
    keepAlive ??= setInterval(() => undefined, 2 ** 30);
    const changed = new Promise<"hand-over" | "reenrolled">((resolve) => {
      running.onHandOver(() => resolve("hand-over"));
      running.onReenrolled(() => resolve("reenrolled"));
    });
    reason = await Promise.race([stopped, changed]);
    if (reason !== "reenrolled") break;
    // With the identity that lies ready; containers are left alone.
    await running.stop();
  }
  if (reason === "hand-over" && installation !== undefined) await leaveTo(installation, () => agent.stop(), release);
  else await agent.stop();
  release();
  clearInterval(keepAlive);
}

async function status(flags: GlobalFlags & { readonly json?: boolean }): Promise<void> {
  const { formatStatus, readStatus } = await import("./status/index.ts");
  const config = configOf(flags);
  const found = await readStatus(config, AGENT_VERSION);
  const text = flags.json === true ? `${JSON.stringify(found, undefined, 2)}\n` : undefined;
  process.stdout.write(text ?? formatStatus(found, config.stateDir, Date.now()));
}

async function logs(flags: GlobalFlags & ShowOptions): Promise<void> {
  const { showLogs } = await import("./logs/index.ts");
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  // As when it is piped into "head".
  process.stdout.once("error", () => stop.abort());
  const write = (text: string): void => void process.stdout.write(text);
  await showLogs(configOf(flags), flags, { write, now: Date.now(), signal: stop.signal });
}

async function doctor(flags: GlobalFlags & { readonly json?: boolean }): Promise<void> {
  const { examine, formatFindings } = await import("./doctor/index.ts");
  const findings = await examine(inputOf(flags), process.env);
  process.stdout.write(
    flags.json === true ? `${JSON.stringify({ findings }, undefined, 2)}\n` : formatFindings(findings),
  );
  if (findings.some(({ status: found }) => found === "failed")) process.exitCode = 1;
}

async function supportBundle(flags: GlobalFlags & { readonly out?: string }): Promise<void> {
  const { stamp, writeSupportBundle } = await import("./support/index.ts");
  const now = Date.now();
  const out = flags.out ?? `windflow-support-${stamp(now)}.tar.gz`;
  const names = await writeSupportBundle(inputOf(flags), { out, now, environment: process.env });
  process.stdout.write(`${out}: ${names.join(", ")}. Secrets are left out; look through it before you give it away.\n`);
}

async function ask(flags: GlobalFlags, command: LocalCommand): Promise<void> {
  const { askAgent } = await import("./control/local-socket.ts");
  const { text, code } = await askAgent(configOf(flags).stateDir, command);
  if (code !== undefined) throw new Error(`${code}: ${text}`);
  process.stdout.write(`${text}\n`);
}

const program = new Command("windflow-agent")
  .description("Runs container stacks on this host as its control plane asks, and goes on alone when it is away.")
  .version(describeVersion());
addEnrollment(addSettings(program.command("enroll").description("make this host known to a control plane"))).action(
  enroll,
);
addEnrollment(
  addSettings(program.command("run").description("run the agent; with --server it enrols first if needed")),
).action(run);
addSettings(
  program
    .command("status")
    .description("how this host and its agent are, without asking the control plane")
    .option("--json", "for programs"),
).action(status);
addSettings(
  program
    .command("logs")
    .description("what the agent has logged, from its files or the journal, whether or not it runs")
    .option("--lines <number>", "at most so many, the newest (100)")
    .option("--since <time>", "a span such as 15m, 2h or 1d, or a time such as 2026-11-23T01:50:00Z")
    .option("--follow", "go on with what comes")
    .option("--json", "the lines as they were written"),
).action(logs);

addSettings(
  program
    .command("doctor")
    .description("walk every hop from this program to the control plane and the engine, and say what is wrong")
    .option("--json", "for programs"),
).action(doctor);
addSettings(
  program
    .command("support-bundle")
    .description("one file with what helps others to understand this host, without its secrets")
    .option("--out <file>", "the file to make; windflow-support-TIME.tar.gz in this folder without it"),
).action(supportBundle);
addSettings(
  program.command("stacks").description("stacks of this host, and the revisions that it can go back to"),
).action((flags: GlobalFlags) => ask(flags, { command: "stacks" }));
addSettings(
  program
    .command("rollback")
    .description("go back to a revision that this host keeps, and hold it there whatever the control plane wants")
    .argument("<stack>", "name or id of the stack")
    .option("--to <revision>", "the revision; without it the one that ran before"),
).action((stack: string, flags: GlobalFlags & { readonly to?: string }) => {
  const to = flags.to === undefined ? undefined : Number(flags.to);
  if (to !== undefined && !(Number.isSafeInteger(to) && to > 0))
    throw new AgentError("WF_CONFIG_INVALID", `"${flags.to}" is no number of a revision.`);
  return ask(flags, { command: "rollback", stack, ...(to === undefined ? {} : { to }) });
});
addSettings(
  program
    .command("release")
    .description("end a hold: what the control plane wants counts again")
    .argument("<stack>", "name or id of the stack"),
).action((stack: string, flags: GlobalFlags) => ask(flags, { command: "release", stack }));
addSettings(
  program
    .command("update")
    .description("where the last update of this agent stands; with --revert, go back to the agent before it")
    .option("--status", "where it stands; as without an option")
    .option("--revert", "go back to the agent before this one, which has to prove itself as an update has to"),
).action(async (flags: GlobalFlags & { readonly revert?: boolean }) => {
  if (flags.revert === true) return ask(flags, { command: "go-back" });
  const { describeUpdate, installationHere } = await import("./update/index.ts");
  process.stdout.write(describeUpdate(configOf(flags).stateDir, installationHere(process.execPath), AGENT_VERSION));
});
program
  .command("verify")
  .description("check files of a release by the signed SHA256SUMS that lies beside them")
  .argument("<files...>", "files in one folder, with SHA256SUMS and SHA256SUMS.sig")
  .action(async (files: readonly string[]) => {
    const { verifyRelease } = await import("./release/signature.ts");
    await verifyRelease(dirname(files[0] ?? "."), files, RELEASE_KEYS);
    process.stdout.write(`${files.length === 1 ? "This file is" : "These files are"} as released.\n`);
  });

program
  .command("self-test")
  .description("try what this program needs of this machine: encryption, a terminal, the disk, /proc; changes nothing")
  .action(async () => {
    const { formatSelfTest, selfTest } = await import("./self-test/index.ts");
    const results = await selfTest();
    process.stdout.write(formatSelfTest(results));
    if (results.some(({ passed }) => !passed)) process.exitCode = 1;
  });

// No top-level await: the release is one CommonJS file.
program.parseAsync().catch((error: unknown) => {
  const code = error instanceof AgentError ? `${error.code}: ` : "";
  process.stderr.write(`windflow-agent: ${code}${reasonOf(error)}\n`);
  process.exitCode = 1;
});
