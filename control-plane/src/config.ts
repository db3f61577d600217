import { hostname } from "node:os";
import { LOG_LEVELS, ProblemError, startErrors, type LogLevel } from "./platform/index.ts";

/** A value that must not be seen: printing it in any way shows `[REDACTED]`. */
export interface Secret {
  reveal(): string;
  toString(): string;
}

/** Everything that can be set from outside, read once at the start and frozen. */
export interface Config {
  readonly state: string;
  readonly address: string;
  readonly port: number;
  readonly names: readonly string[];
  readonly url: string;
  readonly replicaAddress: string;
  readonly databaseUrl: Secret | undefined;
  readonly postgresFolder: string | undefined;
  readonly uiFolder: string | undefined;
  readonly installFolders: readonly string[];
  readonly tlsCertificate: string | undefined;
  readonly tlsKey: string | undefined;
  readonly metricsToken: Secret | undefined;
  readonly metricsKeptDays: number;
  readonly imageCacheGigabytes: number;
  readonly registryCa: string | undefined;
  readonly insecureRegistries: readonly string[];
  readonly adminEmail: string;
  readonly resetAdminPassword: boolean;
  readonly localTokenFile: string | undefined;
  readonly firstPasswordFile: string | undefined;
  readonly logLevel: LogLevel;
}

interface Setting<Value> {
  readonly flag: string;
  readonly env: string;
  readonly help: string;
  /** Throws a sentence that says what is wrong. */
  readonly read: (text: string | undefined) => Value;
  readonly isSwitch?: boolean;
}

const LARGEST_PORT = 65_535;

const text =
  (fallback: string) =>
  (given: string | undefined): string =>
    given ?? fallback;
const optional = (given: string | undefined): string | undefined => given;
const secret = (given: string | undefined): Secret | undefined => (given === undefined ? undefined : hidden(given));
const list = (given: string | undefined): readonly string[] =>
  (given ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

function port(given: string | undefined): number {
  const number = Number(given ?? "8443");
  if (Number.isInteger(number) && number >= 0 && number <= LARGEST_PORT) return number;
  throw new Error(`is not a port: 0 (any free one) to ${LARGEST_PORT}`);
}

// A day is what samples are kept anyway; more than two years is a decision about disks that nobody takes by a typing error.
const FEWEST_DAYS = 1;
const MOST_DAYS = 750;

function keptDays(given: string | undefined): number {
  const days = Number(given ?? "30");
  if (Number.isInteger(days) && days >= FEWEST_DAYS && days <= MOST_DAYS) return days;
  throw new Error(`is not a number of days: ${FEWEST_DAYS} to ${MOST_DAYS}`);
}

// Less holds no image worth the name. They are files of their organization, which has room for 20 GiB: more would never be used.
const LEAST_CACHE_GIGABYTES = 1;
const MOST_CACHE_GIGABYTES = 1_000;

function cacheGigabytes(given: string | undefined): number {
  const gigabytes = Number(given ?? "10");
  if (Number.isInteger(gigabytes) && gigabytes >= LEAST_CACHE_GIGABYTES && gigabytes <= MOST_CACHE_GIGABYTES)
    return gigabytes;
  throw new Error(`is not a number of gigabytes: ${LEAST_CACHE_GIGABYTES} to ${MOST_CACHE_GIGABYTES}`);
}

function logLevel(given: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((one) => one === (given ?? "info"));
  if (level !== undefined) return level;
  throw new Error(`is none of ${LOG_LEVELS.join(", ")}`);
}

function hostAndPort(given: string | undefined): string {
  if (given === undefined || /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(given)) return given ?? "";
  throw new Error("is not HOST:PORT");
}

function httpsUrl(given: string | undefined): string {
  if (given === undefined) return "";
  if (/^https:\/\/[^/?#\s]+$/.test(given)) return given;
  throw new Error("is not an https:// address without a path");
}

/** The one description of the settings: types, defaults, and the text of `--help`. */
const settings: { readonly [Name in keyof Config]: Setting<Config[Name]> } = {
  state: {
    flag: "--state",
    env: "WINDFLOW_STATE",
    help: "folder for the database, the keys and the certificates [/var/lib/windflow]",
    read: text("/var/lib/windflow"),
  },
  address: {
    flag: "--address",
    env: "WINDFLOW_ADDRESS",
    help: "address to listen on [0.0.0.0]",
    read: text("0.0.0.0"),
  },
  port: {
    flag: "--port",
    env: "WINDFLOW_PORT",
    help: "the one port for browsers, programs and agents [8443]",
    read: port,
  },
  names: {
    flag: "--names",
    env: "WINDFLOW_NAMES",
    help: "names and addresses of this machine for the certificate, with commas; the first one is shown to people",
    read: list,
  },
  url: {
    flag: "--url",
    env: "WINDFLOW_URL",
    help: "https:// address that people and agents use, if a proxy gives another one than name and port",
    read: httpsUrl,
  },
  replicaAddress: {
    flag: "--replica-address",
    env: "WINDFLOW_REPLICA_ADDRESS",
    help: "HOST:PORT at which other control planes on the same database reach this one; HOST must be one of --names",
    read: hostAndPort,
  },
  databaseUrl: {
    flag: "--database-url",
    env: "DATABASE_URL",
    help: "PostgreSQL 15 or newer; without it, an embedded one is started",
    read: secret,
  },
  postgresFolder: {
    flag: "--postgres",
    env: "WINDFLOW_POSTGRES",
    help: "folder with bin/postgres for the embedded database, if not the packaged one",
    read: optional,
  },
  uiFolder: { flag: "--ui", env: "WINDFLOW_UI", help: "folder with the built web application", read: optional },
  installFolders: {
    flag: "--install",
    env: "WINDFLOW_INSTALL",
    help: "folders with install.sh and the agent's programs for new hosts, with commas",
    read: list,
  },
  tlsCertificate: {
    flag: "--tls-cert",
    env: "WINDFLOW_TLS_CERT",
    help: "PEM file with your own certificate for browsers (with --tls-key)",
    read: optional,
  },
  tlsKey: { flag: "--tls-key", env: "WINDFLOW_TLS_KEY", help: "PEM file with its key", read: optional },
  metricsToken: {
    flag: "--metrics-token",
    env: "WINDFLOW_METRICS_TOKEN",
    help: "bearer token of /metrics for the figures of this process; API tokens with metrics.read see their organization's fleet there, and nothing else",
    read: secret,
  },
  metricsKeptDays: {
    flag: "--metrics-kept-days",
    env: "WINDFLOW_METRICS_KEPT_DAYS",
    help: "how long five-minute figures of hosts and containers are kept (samples: a day) [30]",
    read: keptDays,
  },
  imageCacheGigabytes: {
    flag: "--image-cache-gigabytes",
    env: "WINDFLOW_IMAGE_CACHE_GIGABYTES",
    help: "room in the database for images of one organization whose hosts cannot reach their registry [10]",
    read: cacheGigabytes,
  },
  registryCa: {
    flag: "--registry-ca",
    env: "WINDFLOW_REGISTRY_CA",
    help: "PEM file with authorities of registries that this control plane trusts besides the system's",
    read: optional,
  },
  insecureRegistries: {
    flag: "--insecure-registries",
    env: "WINDFLOW_INSECURE_REGISTRIES",
    help: "HOST[:PORT] of registries that this control plane asks without TLS or on its own machine, with commas",
    read: list,
  },
  adminEmail: {
    flag: "--admin-email",
    env: "WINDFLOW_ADMIN_EMAIL",
    help: "address of the first administrator [admin@windflow.local]",
    read: text("admin@windflow.local"),
  },
  resetAdminPassword: {
    flag: "--reset-admin-password",
    env: "WINDFLOW_RESET_ADMIN_PASSWORD",
    help: "give the administrator a new one-time password and print it",
    read: (given) => given === "1" || given === "true",
    isSwitch: true,
  },
  localTokenFile: {
    flag: "--local-token-file",
    env: "WINDFLOW_LOCAL_TOKEN_FILE",
    help: "write an API token of the administrator, good for a day, to this file (0600)",
    read: optional,
  },
  firstPasswordFile: {
    flag: "--first-password-file",
    env: "WINDFLOW_FIRST_PASSWORD_FILE",
    help: "write the one-time password to this file (0600) instead of the terminal",
    read: optional,
  },
  logLevel: { flag: "--log-level", env: "WINDFLOW_LOG_LEVEL", help: `${LOG_LEVELS.join(", ")} [info]`, read: logLevel },
};

/** Reads flags, then the environment, then defaults. Throws WF_CONFIG_INVALID that names the setting. */
export function readConfig(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const given = readFlags(flags);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const fromEnvironment = environment[setting.env];
    const source = given.get(setting.flag) ?? (fromEnvironment === "" ? undefined : fromEnvironment);
    try {
      values[name] = setting.read(source);
    } catch (error) {
      throw invalid(`${setting.flag} (${setting.env}) ${error instanceof Error ? error.message : "is wrong"}`);
    }
  }
  const config = values as unknown as Config;
  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined)) {
    throw invalid("--tls-cert and --tls-key belong together: give both or none");
  }
  return Object.freeze(config);
}

function readFlags(flags: readonly string[]): Map<string, string> {
  const byFlag = new Map(Object.values(settings).map((setting: Setting<unknown>) => [setting.flag, setting]));
  const given = new Map<string, string>();
  for (let at = 0; at < flags.length; at++) {
    const [flag = "", inline] = (flags[at] ?? "").split(/=(.*)/s, 2);
    const setting = byFlag.get(flag);
    if (setting === undefined) throw invalid(`there is no setting ${flag}`);
    const value = inline ?? (setting.isSwitch === true ? "1" : flags[++at]);
    if (value === undefined) throw invalid(`${flag} needs a value`);
    given.set(flag, value);
  }
  return given;
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = Object.values(settings).map(
    (setting: Setting<unknown>) => `  ${setting.flag.padEnd(24)}${setting.env.padEnd(32)}${setting.help}`,
  );
  const title = "The WindFlow control plane. Settings, as a flag or in the environment:";
  const others = "Other uses: --version; health (asks the one on this machine, by its port, whether it is ready).";
  return [title, ...rows, others, ""].join("\n");
}

/** Every name that the server's certificate stands for: what was set, this machine, and the loopback addresses. */
export function certificateNames(config: Config): string[] {
  return [...new Set([...config.names, hostname(), "localhost", "127.0.0.1", "::1"])];
}

/** The address that people and agents are shown. */
export function publicUrl(config: Config, port: number): string {
  return config.url === "" ? `https://${config.names[0] ?? "localhost"}:${port}` : config.url;
}

function hidden(value: string): Secret {
  const redacted = (): string => "[REDACTED]";
  return { reveal: () => value, toString: redacted, toJSON: redacted } as Secret;
}

function invalid(detail: string): ProblemError {
  return new ProblemError({ code: startErrors.WF_CONFIG_INVALID, detail });
}
