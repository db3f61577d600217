import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { type AgentConfig, type ConfigInput, readConfig } from "./config.ts";
import { AgentError } from "./errors.ts";
import { createLog, reasonOf } from "./platform/log.ts";
import { AGENT_VERSION } from "./version.ts";

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
}

interface EnrollFlags {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly caSha256?: string;
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
    .addOption(new Option("--log-level <level>", "debug, info, warn or error").env("WINDFLOW_LOG_LEVEL"));
}

function addEnrollment(command: Command): Command {
  return command
    .addOption(new Option("--server <url>", "https://HOST:PORT of the control plane"))
    .addOption(
      new Option("--token-file <file>", "file with the join token; without it the token is read from standard input"),
    )
    .addOption(new Option("--ca-file <file>", "PEM file with the control plane's certificate authority"))
    .addOption(new Option("--ca-sha256 <hex>", "sha256 of the certificate authority that the control plane serves"));
}

function configOf(flags: GlobalFlags): AgentConfig {
  const input: ConfigInput = { ...flags, spoolMaxMegabytes: flags.spoolMaxMb, filesMaxMegabytes: flags.filesMaxMb };
  return readConfig(input);
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
  const release = await claimState(config.stateDir);
  const { startAgent } = await import("./agent.ts");
  const log = createLog(config.logLevel, (line) => void process.stdout.write(line), Date.now);
  // A promise that nobody waits for must not take the session down with it.
  process.on("unhandledRejection", (error) =>
    log("error", "A promise was rejected and nobody handled it.", { reason: reasonOf(error) }),
  );
  const agent = startAgent(config, { log });
  // Every timer and connection of the agent lets the process end; this one decides.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  await new Promise((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  await agent.stop();
  release();
  clearInterval(keepAlive);
}

async function status(flags: GlobalFlags): Promise<void> {
  const { readStatus } = await import("./status.ts");
  process.stdout.write(readStatus(configOf(flags)));
}

const program = new Command("windflow-agent")
  .description("Runs container stacks on this host as its control plane asks, and goes on alone when it is away.")
  .version(`windflow-agent ${AGENT_VERSION} (node ${process.versions.node}, ${process.arch})`);
addEnrollment(addSettings(program.command("enroll").description("make this host known to a control plane"))).action(
  enroll,
);
addEnrollment(
  addSettings(program.command("run").description("run the agent; with --server it enrols first if needed")),
).action(run);
addSettings(program.command("status").description("what this host knows of itself, without asking anybody")).action(
  status,
);

// No top-level await: the release is one CommonJS file.
program.parseAsync().catch((error: unknown) => {
  const code = error instanceof AgentError ? `${error.code}: ` : "";
  process.stderr.write(`windflow-agent: ${code}${reasonOf(error)}\n`);
  process.exitCode = 1;
});
