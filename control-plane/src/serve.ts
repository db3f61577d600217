import { readImage } from "@windflow/proto/image";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildApp, type App } from "./app.ts";
import { certificateNames, publicUrl, readConfig, type Config } from "./config.ts";
import type { ImageSettings } from "./images/index.ts";
import type { FirstPassword } from "./identity/index.ts";
import {
  createLog,
  createSealer,
  field,
  installationKey,
  openPlatform,
  ProblemError,
  startEmbeddedPostgres,
  systemClock,
  unpackContents,
  type ConnectionSettings,
  type Contents,
  type EmbeddedPostgres,
  type Log,
  type Platform,
} from "./platform/index.ts";

// A second signal, or a part that hangs, ends the process after this long.
const STOP_PATIENCE_MS = 9_000;
const LOCAL_TOKEN_LIFE_MS = 24 * 60 * 60_000;
const GIGABYTE = 1024 ** 3;
const LOCAL_TOKEN_NAME = "local programs";

interface Running {
  stop(): Promise<void>;
}

async function run(config: Config, log: Log): Promise<Running> {
  // Others may pass through (the database's user), nobody may list.
  await mkdir(config.state, { recursive: true });
  await chmod(config.state, 0o711);
  const contents = await unpackContents(config.state);
  const postgres = config.databaseUrl === undefined ? await startEmbedded(config, contents, log) : undefined;
  const connection: ConnectionSettings = postgres?.connection ?? { url: config.databaseUrl?.reveal() ?? "" };
  let platform: Platform | undefined;
  let app: App | undefined;
  try {
    if (postgres !== undefined) await contents?.removeOthers();
    platform = await openPlatform({ connection, clock: systemClock, log });
    app = await buildApp({
      platform,
      sealer: createSealer(await installationKey(config.state)),
      image: readImage(),
      names: certificateNames(config),
      origins: config.url === "" ? [] : [config.url],
      publicUrl: (port) => publicUrl(config, port),
      uiFolder: config.uiFolder ?? contents?.ui ?? uiOfTheCheckout(),
      replicaAddress: () => config.replicaAddress,
      installFolders: [...config.installFolders, ...installFoldersBeside(contents)],
      metricsToken: config.metricsToken?.reveal(),
      metricsKeptDays: config.metricsKeptDays,
      images: await imageSettings(config, postgres?.folder),
      browserTls: await ownTls(config),
    });
    const port = await app.start(config.port, config.address);
    // Not before the port is ours: a password that was made for a start that failed would never be shown.
    await welcome(app, config, port);
    log.info({ [field.port]: port, url: publicUrl(config, port) }, "The control plane is ready.");
    return { stop: () => stopInOrder([app, platform], postgres) };
  } catch (error) {
    await stopInOrder([app, platform], postgres).catch(() => undefined);
    throw error;
  }
}

/** The app closes the platform; without an app, its connections have to go before their server does. */
async function stopInOrder(
  [app, platform]: readonly [App | undefined, Platform | undefined],
  postgres: EmbeddedPostgres | undefined,
): Promise<void> {
  try {
    await (app ?? platform)?.close();
  } finally {
    await postgres?.stop();
  }
}

function startEmbedded(config: Config, contents: Contents | undefined, log: Log): Promise<EmbeddedPostgres> {
  const binaries = config.postgresFolder ?? contents?.postgres;
  return startEmbeddedPostgres({
    stateDirectory: config.state,
    clock: systemClock,
    log,
    ...(binaries === undefined ? {} : { binaries }),
  });
}

/** Where agents for new hosts are: beside the program, and for one that runs from a checkout, where the checkout has them. */
function installFoldersBeside(contents: Contents | undefined): string[] {
  const folders = contents === undefined ? ["", "../../installer", "../../dist", "../../dist/images"] : ["", "images"];
  return folders.map((folder) => join(import.meta.dirname, folder));
}

function uiOfTheCheckout(): string | undefined {
  const folder = join(import.meta.dirname, "../../ui/dist");
  return existsSync(folder) ? folder : undefined;
}

async function imageSettings(config: Config, databaseFolder: string | undefined): Promise<ImageSettings> {
  const cacheBytes = config.imageCacheGigabytes * GIGABYTE;
  const own = databaseFolder === undefined ? {} : { databaseFolder };
  const settings = { cacheBytes, insecure: config.insecureRegistries, ...own };
  if (config.registryCa === undefined) return settings;
  return { ...settings, authorities: await readFile(config.registryCa, "utf8") };
}

async function ownTls(config: Config): Promise<{ key: string; cert: string } | undefined> {
  if (config.tlsKey === undefined || config.tlsCertificate === undefined) return undefined;
  return { key: await readFile(config.tlsKey, "utf8"), cert: await readFile(config.tlsCertificate, "utf8") };
}

/** What a person and local programs need to get in: the CA, the one-time password, a token. */
async function welcome(app: App, config: Config, port: number): Promise<void> {
  await writeFile(join(config.state, "ca.pem"), app.certificates.rootsPem(), { mode: 0o644 });
  const { firstStart, tokens } = app.identity;
  const created = await firstStart.prepare(config.adminEmail);
  const first = created ?? (config.resetAdminPassword ? await firstStart.resetPassword(config.adminEmail) : undefined);
  if (first !== undefined) await handOver(first, config, port);
  if (config.localTokenFile === undefined) return;
  const local = await tokens.createLocal(config.adminEmail, { name: LOCAL_TOKEN_NAME, lifeMs: LOCAL_TOKEN_LIFE_MS });
  await writePrivate(config.localTokenFile, `${JSON.stringify({ ...local, roots: app.certificates.rootsPem() })}\n`);
}

async function handOver(first: FirstPassword, config: Config, port: number): Promise<void> {
  const url = publicUrl(config, port);
  if (config.firstPasswordFile !== undefined) {
    await writePrivate(config.firstPasswordFile, `${JSON.stringify({ ...first, url })}\n`);
    return;
  }
  const lines = [
    "",
    `  Open ${url}`,
    `  E-mail:   ${first.email}`,
    `  Password: ${first.password}`,
    `  It must be changed at the first sign-in, works until ${first.expiresAt.toISOString()}, and is not shown again.`,
    "",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function writePrivate(path: string, content: string): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, content, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

/** From the first moment: a start that is interrupted ends what it has started. */
function stopOnSignal(starting: Promise<Running>, log: Log): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_PATIENCE_MS).unref();
    log.info({ [field.reason]: signal }, "The control plane stops.");
    try {
      const running = await starting;
      await running.stop();
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, "A part did not stop in order.");
      process.exit(1);
    }
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => {
      stop(signal).catch(() => process.exit(1));
    });
  }
}

/** What a person is told of the error that ended the start. */
export function explain(error: unknown): string {
  if (error instanceof ProblemError)
    return `${error.code.title}: ${error.detail}\n${error.code.fix}\n(${error.code.code})`;
  if (isErrno(error) && error.code === "EADDRINUSE") {
    return `EADDRINUSE: port ${error.port ?? ""} is taken by another program. Stop it, or choose another one with --port.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function isErrno(error: unknown): error is NodeJS.ErrnoException & { port?: number } {
  return error instanceof Error && "code" in error;
}

/** Reads the settings, starts the control plane and leaves it to the signals. Rejects with what kept it from starting. */
export async function serve(flags: readonly string[]): Promise<void> {
  const config = readConfig(flags, process.env);
  const log = createLog({ level: config.logLevel });
  const starting = run(config, log);
  stopOnSignal(starting, log);
  await starting;
}
