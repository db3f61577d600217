import { open } from "node:fs/promises";
import { createGzip } from "node:zlib";
import { pipeline } from "node:stream/promises";
import { type AgentConfig, type ConfigInput, readConfig } from "../config.ts";
import { examine } from "../doctor/index.ts";
import { smallFile, writeTar } from "../engines/docker/build-tar.ts";
import { loadOrCreateHostKeys } from "../enroll/host-keys.ts";
import { loadIdentity } from "../enroll/identity.ts";
import { AgentError } from "../errors.ts";
import { showLogs } from "../logs/index.ts";
import { PRIVATE_FILE } from "../platform/durable-file.ts";
import { reasonOf } from "../platform/log.ts";
import { readStatus } from "../status/index.ts";
import { AGENT_VERSION, describeVersion } from "../version.ts";
import { describeEngine, describeMachine, describeStateFiles } from "./host.ts";
import { knownSecrets } from "./known-secrets.ts";
import { createRedactor, redactBelow } from "./redact.ts";
import { describeStack, storedStacks } from "./stacks.ts";

const LOG_LINES = 5_000;
/** Of each file in it: twelve of them, which pack to a tenth. */
const MOST_FILE_BYTES = 4 * 1024 * 1024;
/** Of the agent's environment only these are told with their values. */
const TOLD_VARIABLES =
  /^(WINDFLOW_\w+|(https?|grpc|no|no_grpc)_proxy|MALLOC_ARENA_MAX|JOURNAL_STREAM|DOCKER_HOST|TZ|LANG|PATH)$/i;

export interface SupportOptions {
  /** Made, and never overwritten. */
  readonly out: string;
  readonly now: number;
  readonly environment: NodeJS.ProcessEnv;
}

/** One file of the bundle. */
interface Piece {
  readonly name: string;
  readonly make: () => Promise<unknown>;
}

/**
 * Writes what helps a stranger to understand this host, without what is secret on it. A part that cannot be read says why in its place.
 * @returns names of the files in it.
 * @throws AgentError WF_CONFIG_INVALID when the file is there already or cannot be made.
 */
export async function writeSupportBundle(input: ConfigInput, options: SupportOptions): Promise<string[]> {
  const config = readConfig(input);
  const secrets = secretsOf(config, options.environment);
  const redact = createRedactor(secrets ?? []);
  const folder = `windflow-support-${stamp(options.now)}`;
  const file = await create(options.out);
  const names: string[] = [];
  const entries = async function* () {
    for (const { name, make } of pieces(config, input, options)) {
      const content = await Promise.resolve()
        .then(secrets === undefined && name === LOG ? () => NO_LOG : make)
        .catch((error: unknown) => ({ problem: reasonOf(error) }));
      const told = redactBelow(content, redact);
      const text = typeof told === "string" ? told : `${JSON.stringify(told, bigints, 2)}\n`;
      names.push(name);
      yield smallFile(`${folder}/${name}`, Buffer.from(text).subarray(-MOST_FILE_BYTES));
    }
  };
  await pipeline(writeTar(entries()), createGzip(), file.createWriteStream());
  return names;
}

function pieces(config: AgentConfig, input: ConfigInput, { environment, now }: SupportOptions): Piece[] {
  return [
    { name: "README.txt", make: () => Promise.resolve(README) },
    { name: "version.txt", make: () => Promise.resolve(`${describeVersion()}\n`) },
    { name: "doctor.json", make: async () => ({ findings: await examine(input, environment) }) },
    { name: "status.json", make: () => readStatus(config, AGENT_VERSION) },
    { name: "config.json", make: () => Promise.resolve(config) },
    { name: "environment.json", make: () => Promise.resolve(toldVariables(environment)) },
    {
      name: "desired.json",
      make: () => {
        const { stacks, problems } = storedStacks(config);
        return Promise.resolve({ stacks: stacks.map(describeStack), problems });
      },
    },
    { name: "engine.json", make: () => describeEngine(config) },
    { name: "machine.json", make: () => Promise.resolve(describeMachine(config)) },
    { name: "state-files.tsv", make: () => Promise.resolve(describeStateFiles(config)) },
    { name: LOG, make: () => lastLogs(config, now) },
  ];
}

const LOG = "log.jsonl";
/** A log may repeat any of them. */
const NO_LOG = {
  problem:
    "What is secret on this host cannot be read, so it could not be told from the rest of the log; see status.json.",
};

const README = [
  "What windflow-agent support-bundle found on this host, for whoever is to help.",
  "Left out: keys and certificates, tokens, secrets, credentials of registries, values of environments and labels, commands, contents of files.",
  "Where one of them turned up in a text, [REDACTED] stands in its place. Look through it before you give it away.",
  "",
].join("\n");

async function lastLogs(config: AgentConfig, now: number): Promise<string> {
  const lines: string[] = [];
  const output = { write: (text: string) => void lines.push(text), now, signal: new AbortController().signal };
  await showLogs(config, { lines: String(LOG_LINES), json: true }, output);
  return lines.join("");
}

function toldVariables(environment: NodeJS.ProcessEnv): object {
  const names = Object.keys(environment).toSorted();
  return {
    told: Object.fromEntries(
      names.filter((name) => TOLD_VARIABLES.test(name)).map((name) => [name, environment[name]]),
    ),
    alsoSet: names.filter((name) => !TOLD_VARIABLES.test(name)),
  };
}

/** Undefined when the state of this host is damaged, or another user's: then a bundle is wanted all the more. */
function secretsOf(config: AgentConfig, environment: NodeJS.ProcessEnv): ReadonlySet<string> | undefined {
  try {
    const identity = loadIdentity(config.stateDir);
    // Nothing is known, and nothing secret is there but what looks like it.
    if (identity === undefined) return new Set();
    const { stacks } = storedStacks(config);
    const keys = loadOrCreateHostKeys(config.stateDir);
    return knownSecrets(config, { hostId: identity.hostId, keys, stacks, environment });
  } catch {
    return undefined;
  }
}

async function create(path: string): ReturnType<typeof open> {
  try {
    return await open(path, "wx", PRIVATE_FILE);
  } catch (cause) {
    throw new AgentError("WF_CONFIG_INVALID", `${path} cannot be made: ${reasonOf(cause)}. Give --out another file.`, {
      cause,
    });
  }
}

/** "2026-11-23T01-50-00Z". */
export function stamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+/, "").replaceAll(":", "-");
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
