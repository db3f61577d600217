/** The lease of a host, as it is stored and shown. See core's hostPresence for the rule. */
export type HostPresence = "never-seen" | "online" | "stale" | "offline" | "quarantined" | "revoked";

export const HOST_PRESENCES: readonly HostPresence[] = [
  "never-seen",
  "online",
  "stale",
  "offline",
  "quarantined",
  "revoked",
];

/** A cordoned host takes nothing new; a draining one also gives away what can go elsewhere. */
export type HostScheduling = "open" | "cordoned" | "draining";

export type Labels = Readonly<Record<string, string>>;

/** What a host says of itself. Informative; never satisfies a selector of a stack with secrets. */
export interface HostFacts {
  hostname: string;
  os: string;
  osVersion: string;
  kernel: string;
  arch: string;
  cpuCount: number;
  cpuModel: string;
  memoryBytes: number;
  diskBytes: number;
  /** Free on the disk that the engine stores images on, when the session began; absent when the host did not say. */
  diskFreeBytes?: number;
  addresses: string[];
  /** RFC 3339; absent when the host did not say. */
  bootedAt?: string;
  engineName: string;
  engineVersion: string;
  engineApiVersion: string;
  hostShellAllowed: boolean;
}

/** What an agent says of its own build, as it is kept. */
export interface AgentBuild {
  readonly commit: string;
  readonly development: boolean;
  /** "x64", "arm64". */
  readonly arch: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
  /** Why it cannot update itself; empty when it can. */
  readonly cannotUpdate: string;
  /** It runs on trial: what it is now may be undone. */
  readonly onTrial?: true;
}

/** The update of agents that is about a host, or how the last one ended that did not succeed. */
export interface HostAgentUpdate {
  readonly updateId: string;
  /** What the agent is told that it is; another one makes it try again. */
  readonly attempt: string;
  readonly version: string;
  readonly state: "under-way" | "failed";
  readonly cause: string;
  /** Its agent is told to become the release now. */
  readonly wanted: boolean;
}

const MAX_NAME_CHARACTERS = 100;
const MAX_FACT_CHARACTERS = 200;
const MAX_ADDRESSES = 64;
const MAX_CAPABILITIES = 32;

/**
 * The name of a new host: its hostname as far as it can be shown, or the first of NAME-2, NAME-3, … that is free.
 * @param taken names of the organization that begin with the hostname
 */
export function freeName(hostname: string, taken: ReadonlySet<string>): string {
  const base =
    cleanText(hostname)
      .trim()
      .slice(0, MAX_NAME_CHARACTERS - 8) || "host";
  if (!taken.has(base)) return base;
  let number = 2;
  while (taken.has(`${base}-${number}`)) number++;
  return `${base}-${number}`;
}

export function baseName(hostname: string): string {
  return freeName(hostname, new Set());
}

// As Kubernetes labels, with the slash allowed anywhere: people bring these names along.
const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
// What a host reports of itself appears under this prefix; nobody can give it by hand.
const RESERVED_PREFIX = "fact/";

/** Why the labels cannot be given to a host; undefined when they can. */
export function labelProblem(labels: Labels): { path: string; message: string } | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const path = `labels[${JSON.stringify(key)}]`;
    if (key.startsWith(RESERVED_PREFIX))
      return { path, message: "keys that begin with fact/ belong to the host's own report" };
    if (!LABEL_KEY.test(key)) return { path, message: "a key has letters and digits, with . _ - / between them" };
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f]/.test(value)) return { path, message: "a value has no control characters" };
  }
  return undefined;
}

/** The report with every text and list cut to what a row holds: a host is not trusted to be modest. */
export function boundedFacts(facts: HostFacts): HostFacts {
  const text = (value: string): string => cleanText(value).slice(0, MAX_FACT_CHARACTERS);
  return {
    hostname: text(facts.hostname),
    os: text(facts.os),
    osVersion: text(facts.osVersion),
    kernel: text(facts.kernel),
    arch: text(facts.arch),
    cpuCount: facts.cpuCount,
    cpuModel: text(facts.cpuModel),
    memoryBytes: facts.memoryBytes,
    diskBytes: facts.diskBytes,
    ...(facts.diskFreeBytes === undefined ? {} : { diskFreeBytes: facts.diskFreeBytes }),
    addresses: facts.addresses.slice(0, MAX_ADDRESSES).map(text),
    ...(facts.bootedAt === undefined ? {} : { bootedAt: facts.bootedAt }),
    engineName: text(facts.engineName),
    engineVersion: text(facts.engineVersion),
    engineApiVersion: text(facts.engineApiVersion),
    hostShellAllowed: facts.hostShellAllowed,
  };
}

export function boundedCapabilities(capabilities: readonly string[]): string[] {
  const cut = capabilities.slice(0, MAX_CAPABILITIES).map((one) => cleanText(one).slice(0, MAX_FACT_CHARACTERS));
  return [...new Set(cut)].toSorted();
}

export function cleanText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, "");
}

/**
 * True when a session can only come from a second machine with the same key. A boot id is made anew at every start of a
 * machine and never comes back: one that was replaced by another and appears again belongs to a machine that ran all the time.
 * @param stored the boot id of the last session and the different one before it, empty when there was none
 */
export function isClone(stored: { bootId: string; previousBootId: string }, bootId: string): boolean {
  return bootId !== "" && bootId !== stored.bootId && bootId === stored.previousBootId;
}
