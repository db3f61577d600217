import { isAbsolute, normalize, resolve } from "node:path";
import { AgentError } from "./errors.ts";
import { parseAddress } from "./peers/known-peers.ts";
import { LOG_LEVELS, type LogLevel } from "./platform/log.ts";

/** Every setting of the agent, read once at start. */
export interface AgentConfig {
  /** Identity, desired state and spool; private to the agent's user. */
  readonly stateDir: string;
  /** Files of stacks as containers mount them and as `docker compose` finds them; for root alone. */
  readonly stacksDir: string;
  /** Disk that fetched files of stacks may take. */
  readonly filesMaxBytes: number;
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
  /** Where this host gives layers to others of its site; none without it. */
  readonly peerAddress?: PeerAddress;
  /** Where the log is written beside standard output; in the state folder without it, and nowhere where systemd keeps a journal. */
  readonly logFile?: string;
}

/** What a person may set, as texts from the command line or the environment. */
export interface ConfigInput {
  readonly stateDir?: string | undefined;
  readonly stacksDir?: string | undefined;
  readonly filesMaxMegabytes?: string | undefined;
  readonly dockerHost?: string | undefined;
  readonly policyFile?: string | undefined;
  readonly allowHostShell?: boolean | undefined;
  readonly hostShellUser?: string | undefined;
  readonly name?: string | undefined;
  readonly spoolMaxMegabytes?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly logFile?: string | undefined;
}

/** Where an installed agent keeps its state. */
export const DEFAULT_STATE_DIR = "/var/lib/windflow-agent";
/** Of the installed agent; one with another state folder has it in there, so that two agents never share it. */
export const DEFAULT_STACKS_DIR = "/var/lib/windflow/stacks";
const DEFAULT_POLICY_FILE = "/etc/windflow/policy.json";
const DEFAULT_HOST_SHELL_USER = "root";
const DEFAULT_ENGINE = "unix:///var/run/docker.sock";
/** About a month of samples of a host with twenty containers. */
const DEFAULT_SPOOL_MEGABYTES = 256;
const LEAST_SPOOL_MEGABYTES = 4;
const MOST_SPOOL_MEGABYTES = 65_536;
/** Large build contexts and a generation before; the disk's own limit is checked besides. */
const DEFAULT_FILES_MEGABYTES = 20_480;
const LEAST_FILES_MEGABYTES = 1;
const MOST_FILES_MEGABYTES = 10_485_760;
const MEGABYTE = 1024 * 1024;

/** @throws AgentError WF_CONFIG_INVALID naming the setting and what it may be. */
export function readConfig(input: ConfigInput): AgentConfig {
  const stateDir = input.stateDir ?? DEFAULT_STATE_DIR;
  return Object.freeze({
    stateDir,
    stacksDir: stacksFolder(input.stacksDir, stateDir),
    filesMaxBytes: megabytes(input.filesMaxMegabytes, FILES_SIZE),
    engineSocket: socketPath(input.dockerHost ?? DEFAULT_ENGINE),
    policyFile: input.policyFile ?? DEFAULT_POLICY_FILE,
    allowHostShell: input.allowHostShell ?? false,
    hostShellUser: userName(input.hostShellUser ?? DEFAULT_HOST_SHELL_USER),
    ...(input.name === undefined ? {} : { name: input.name }),
    spoolMaxBytes: megabytes(input.spoolMaxMegabytes, SPOOL_SIZE),
    logLevel: logLevel(input.logLevel ?? "info"),
    ...(input.peerAddress === undefined ? {} : { peerAddress: peerAddress(input.peerAddress) }),
    ...(input.logFile === undefined ? {} : { logFile: input.logFile }),
  });
}

export interface PeerAddress {
  /** As it was given. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
}

function peerAddress(text: string): PeerAddress {
  const address = parseAddress(text);
  if (address !== undefined) return { text, ...address };
  throw new AgentError(
    "WF_CONFIG_INVALID",
    `The address for other hosts of the site "${text}" is not HOST:PORT, as in 192.168.1.20:7443.`,
  );
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

function stacksFolder(given: string | undefined, stateDir: string): string {
  const folder = given ?? (stateDir === DEFAULT_STATE_DIR ? DEFAULT_STACKS_DIR : resolve(stateDir, "stacks"));
  // The engine takes no relative path for a mount.
  if (isAbsolute(folder)) return normalize(folder).replace(/(.)\/$/, "$1");
  throw new AgentError("WF_CONFIG_INVALID", `The folder "${folder}" for the files of stacks is no absolute path.`);
}

interface SizeSetting {
  readonly what: string;
  readonly usual: number;
  readonly least: number;
  readonly most: number;
}

const SPOOL_SIZE: SizeSetting = {
  what: "The spool's size",
  usual: DEFAULT_SPOOL_MEGABYTES,
  least: LEAST_SPOOL_MEGABYTES,
  most: MOST_SPOOL_MEGABYTES,
};
const FILES_SIZE: SizeSetting = {
  what: "The size of all files of stacks",
  usual: DEFAULT_FILES_MEGABYTES,
  least: LEAST_FILES_MEGABYTES,
  most: MOST_FILES_MEGABYTES,
};

/** In bytes. */
function megabytes(text: string | undefined, { what, usual, least, most }: SizeSetting): number {
  const number = text === undefined ? usual : Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number * MEGABYTE;
  throw new AgentError(
    "WF_CONFIG_INVALID",
    `${what} "${text}" is no whole number of megabytes from ${least} to ${most}.`,
  );
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level !== undefined) return level;
  throw new AgentError("WF_CONFIG_INVALID", `The log level "${text}" is none of ${LOG_LEVELS.join(", ")}.`);
}
