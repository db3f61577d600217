import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { NODE_FLAGS } from "../node-flags.ts";
import { type Program, type ProgramOptions, boundToThisProcess, nodeCommand, startProgram } from "./program.ts";

// initdb, migrations and certificates take about two seconds on a first start; the rest is for the log of a database that was cut off, on a slow
// disk. A control plane that cannot start ends, and is not waited for.
const READY_TIMEOUT_MS = 11 * 60_000;

export interface ControlPlaneOptions {
  /** The checkout. */
  root: string;
  /** Database, keys and certificates: everything that a restart needs. */
  stateFolder: string;
  /** Address that it listens on, such as "127.0.0.1" or "0.0.0.0". */
  address: string;
  port: number;
  /** Names and addresses that its certificate is good for, beside localhost. */
  names: readonly string[];
  /** Built UI; "" serves none. */
  uiFolder: string;
  /** Gives the administrator a new one-time password. */
  resetAdminPassword?: boolean;
  logFile: string;
  env: NodeJS.ProcessEnv;
  /** How its process is started; by default on this machine, as a child that ends with this process. */
  start?: (command: readonly string[], options: ProgramOptions) => Promise<Program>;
}

/** The administrator's one-time password: must be changed at the first sign-in, and dies after a day. */
export interface FirstPassword {
  email: string;
  password: string;
}

/** What a program on the same machine needs to call the API as the first administrator. */
export interface LocalCredential {
  organizationId: string;
  environmentId: string;
  /** API token, replaced at each start. */
  token: string;
}

/** A control plane in a process of its own. */
export interface ControlPlane {
  readonly url: string;
  readonly port: number;
  /** PEM of its roots. */
  readonly roots: string;
  readonly credential: LocalCredential;
  /** Only at the first start, or when it was reset. */
  readonly firstPassword: FirstPassword | undefined;
  readonly program: Program;
}

/** Starts a control plane and waits until it serves. The same folder and port again continue where it was. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  await mkdir(options.stateFolder, { recursive: true, mode: 0o711 });
  const tokenFile = join(options.stateFolder, "local-token.json");
  await rm(tokenFile, { force: true });
  const passwordFile = join(options.stateFolder, "first-password.json");
  const settings = settingsOf(options, tokenFile, passwordFile);
  const start =
    options.start ?? (async (command, how) => startProgram([...(await boundToThisProcess()), ...command], how));
  const program = await start(
    nodeCommand(options.root, "control-plane/src/main.ts", settings, NODE_FLAGS["windflow-control-plane"]),
    {
      cwd: options.root,
      logFile: options.logFile,
      env: options.env,
    },
  );
  try {
    await program.waitFor(/The control plane is ready/, READY_TIMEOUT_MS);
  } catch (error) {
    await program.kill();
    throw error;
  }
  return {
    url: `https://${options.address === "0.0.0.0" ? "localhost" : options.address}:${options.port}`,
    port: options.port,
    roots: await readFile(join(options.stateFolder, "ca.pem"), "utf8"),
    credential: JSON.parse(await readFile(tokenFile, "utf8")) as LocalCredential,
    firstPassword: await takeFirstPassword(passwordFile),
    program,
  };
}

function settingsOf(options: ControlPlaneOptions, tokenFile: string, passwordFile: string): string[] {
  const values: [flag: string, value: string][] = [
    ["--state", options.stateFolder],
    ["--address", options.address],
    ["--port", String(options.port)],
    ["--names", options.names.join(",")],
    ["--ui", options.uiFolder],
    ["--local-token-file", tokenFile],
    ["--first-password-file", passwordFile],
  ];
  const given = values.filter(([, value]) => value !== "").flat();
  return options.resetAdminPassword === true ? [...given, "--reset-admin-password"] : given;
}

// Handed over once: the caller shows it to the person, and no copy stays on the disk.
async function takeFirstPassword(file: string): Promise<FirstPassword | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  await rm(file);
  return JSON.parse(text) as FirstPassword;
}
