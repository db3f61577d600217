import { AgentError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel } from "./platform/log.ts";

/** Every setting of the agent, read once at start. */
export interface AgentConfig {
  /** Identity, desired state and spool; private to the agent's user. */
  readonly stateDir: string;
  /** Unix socket of the container engine. */
  readonly engineSocket: string;
  /** What the owner of the machine allows; see state/local-policy.ts. */
  readonly policyFile: string;
  /** Whether the control plane may open a shell on the host itself. */
  readonly allowHostShell: boolean;
  /** Whose shell that is. */
  readonly hostShellUser: string;
  /** Name to be known by; the machine's own without it. */
  readonly name?: string;
  /** Disk that events and samples may take while the control plane is away. */
  readonly spoolMaxBytes: number;
  readonly logLevel: LogLevel;
}

/** What a person may set, as texts from the command line or the environment. */
export interface ConfigInput {
  readonly stateDir?: string | undefined;
  readonly dockerHost?: string | undefined;
  readonly policyFile?: string | undefined;
  readonly allowHostShell?: boolean | undefined;
  readonly hostShellUser?: string | undefined;
  readonly name?: string | undefined;
  readonly spoolMaxMegabytes?: string | undefined;
  readonly logLevel?: string | undefined;
}

/** Where an installed agent keeps its state. */
export const DEFAULT_STATE_DIR = "/var/lib/windflow-agent";
const DEFAULT_POLICY_FILE = "/etc/windflow/policy.json";
const DEFAULT_HOST_SHELL_USER = "root";
const DEFAULT_ENGINE = "unix:///var/run/docker.sock";
/** About a month of samples of a host with twenty containers. */
const DEFAULT_SPOOL_MEGABYTES = 256;
const LEAST_SPOOL_MEGABYTES = 4;
const MOST_SPOOL_MEGABYTES = 65_536;
const MEGABYTE = 1024 * 1024;

/** @throws AgentError WF_CONFIG_INVALID naming the setting and what it may be. */
export function readConfig(input: ConfigInput): AgentConfig {
  return Object.freeze({
    stateDir: input.stateDir ?? DEFAULT_STATE_DIR,
    engineSocket: socketPath(input.dockerHost ?? DEFAULT_ENGINE),
    policyFile: input.policyFile ?? DEFAULT_POLICY_FILE,
    allowHostShell: input.allowHostShell ?? false,
    hostShellUser: userName(input.hostShellUser ?? DEFAULT_HOST_SHELL_USER),
    ...(input.name === undefined ? {} : { name: input.name }),
    spoolMaxBytes: spoolBytes(input.spoolMaxMegabytes),
    logLevel: logLevel(input.logLevel ?? "info"),
  });
}

function socketPath(dockerHost: string): string {
  const path = dockerHost.startsWith("unix://") ? dockerHost.slice("unix://".length) : dockerHost;
  if (path.startsWith("/")) return path;
  throw new AgentError(
    "WF_CONFIG_INVALID",
    `The engine "${dockerHost}" is no unix socket. Give it as unix:///path/to/docker.sock.`,
  );
}

function userName(text: string): string {
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(text)) return text;
  throw new AgentError("WF_CONFIG_INVALID", `"${text}" is no name of a user of this machine.`);
}

function spoolBytes(text: string | undefined): number {
  const megabytes = text === undefined ? DEFAULT_SPOOL_MEGABYTES : Number(text);
  if (Number.isInteger(megabytes) && megabytes >= LEAST_SPOOL_MEGABYTES && megabytes <= MOST_SPOOL_MEGABYTES)
    return megabytes * MEGABYTE;
  throw new AgentError(
    "WF_CONFIG_INVALID",
    `The spool's size "${text}" is no whole number of megabytes from ${LEAST_SPOOL_MEGABYTES} to ${MOST_SPOOL_MEGABYTES}.`,
  );
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level !== undefined) return level;
  throw new AgentError("WF_CONFIG_INVALID", `The log level "${text}" is none of ${LOG_LEVELS.join(", ")}.`);
}
