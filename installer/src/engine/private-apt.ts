import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AptSource, formatDeb822, otherSuite, ownRelease, parseDeb822, parseOneLine } from "./apt-sources.ts";
import { withLock } from "./lock.ts";
import { run, succeeds } from "./run.ts";
import { SetupError } from "./setup-error.ts";

// Lists older than this are fetched again: a mirror drops the old version of a package soon after a newer one comes.
const LISTS_FRESH_MS = 12 * 3_600_000;

/** Where the versions come from: the machine's own release, or another suite of the same archive. */
export type Suite = "own" | "sid" | "trixie" | "bookworm";

const ENGINE_SUITES: readonly Suite[] = ["sid", "bookworm"];

/**
 * apt with a configuration, lists and cache of its own: it reads the machine's sources and dpkg status and changes neither.
 * Needs root or not: nothing outside `folder` is written.
 */
export interface PrivateApt {
  /** Codename of the machine's release ("bookworm", "noble", …). */
  readonly codename: string;
  /** Fetches just these packages, each from the suite; apt checks them against the signed lists. Gives the .deb paths. */
  download(packages: readonly string[], suite: Suite): Promise<string[]>;
  /** Fetches what is missing on this machine to run these packages: themselves and their dependencies, own release only. */
  downloadMissing(packages: readonly string[]): Promise<string[]>;
  /** Fetches the packages with all dependencies, as if nothing were installed: for building an image's file tree. */
  downloadClosure(packages: readonly string[]): Promise<string[]>;
  /** Which of these package names exist in the suite. */
  known(packages: readonly string[], suite: Suite): Promise<string[]>;
}

export interface PrivateAptOptions {
  /** Folder for lists and downloads, made when absent. */
  folder: string;
  /** Other suites of the archive to know beside the machine's own; without it those that engines come from. */
  suites?: readonly Suite[];
  /** Debian's name of another architecture to fetch packages of; it takes a folder of its own. Without it the machine's own. */
  architecture?: string;
  onProgress: (sentence: string) => void;
}

/** Opens the private apt, fetching the package lists when they are absent or old. Throws SetupError where there is no apt. */
export async function openPrivateApt(options: PrivateAptOptions): Promise<PrivateApt> {
  const codename = await machineCodename();
  const sources = await machineSources(codename);
  await mkdir(options.folder, { recursive: true });
  await withLock(join(options.folder, "lock"), () => refreshLists(options, codename, sources));
  return privateApt(options, codename);
}

async function machineCodename(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  if (codename === undefined || !(await succeeds("apt-get", ["--version"]))) {
    throw new SetupError(
      "Packages cannot be fetched on this machine",
      "it is not a Debian or Ubuntu with apt-get",
      "Install Docker or Podman yourself and start again",
    );
  }
  return codename;
}

async function machineSources(codename: string): Promise<AptSource[]> {
  const folder = "/etc/apt/sources.list.d";
  const parts = (await readdir(folder).catch(() => []))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => join(folder, name));
  const texts = await Promise.all(
    ["/etc/apt/sources.list", ...parts].map(async (path) => ({
      path,
      text: await readFile(path, "utf8").catch(() => ""),
    })),
  );
  const all = texts.flatMap(({ path, text }) => (path.endsWith(".sources") ? parseDeb822(text) : parseOneLine(text)));
  const own = ownRelease(all, codename);
  if (own.length > 0) return own;
  throw new SetupError(
    "Packages cannot be fetched on this machine",
    `its apt sources have no entry for its own release "${codename}"`,
    "Put the release's archive into /etc/apt/sources.list.d, or install Docker yourself",
  );
}

async function refreshLists(options: PrivateAptOptions, codename: string, own: AptSource[]): Promise<void> {
  const { folder, suites = ENGINE_SUITES, onProgress } = options;
  const stamp = join(folder, "lists-fetched");
  const wanted = formatDeb822(own);
  const fresh = await stat(stamp).catch(() => undefined);
  if (fresh !== undefined && Date.now() - fresh.mtimeMs < LISTS_FRESH_MS && (await readFile(stamp, "utf8")) === wanted)
    return;
  onProgress("fetching the package lists of this machine's archive …");
  await rm(join(folder, "debs"), { recursive: true, force: true });
  for (const name of ["lists/partial", "cache/archives/partial", "sources", "debs"])
    await mkdir(join(folder, name), { recursive: true });
  const debian = own.some((source) => source.components.includes("main") && !source.components.includes("universe"));
  const others = debian ? suites.filter((suite) => suite !== codename) : [];
  // Below the own release's 500: another suite is used only where a request names it.
  const pins = others.map((suite) => `Package: *\nPin: release n=${suite}\nPin-Priority: 100\n`);
  await writeFile(join(folder, "preferences"), pins.join("\n"));
  await writeFile(join(folder, "sources", "own.sources"), wanted);
  for (const suite of others) {
    const source = otherSuite(own, codename, suite);
    if (source !== undefined) await writeFile(join(folder, "sources", `${suite}.sources`), formatDeb822([source]));
  }
  try {
    await update(options);
  } catch (error) {
    // A mirror may carry its own release only; then there is no newer engine to be had, but an older one.
    if (others.length === 0) throw error;
    for (const suite of others) await rm(join(folder, "sources", `${suite}.sources`), { force: true });
    await update(options);
  }
  await writeFile(stamp, wanted);
}

async function update(options: PrivateAptOptions): Promise<void> {
  try {
    await run("apt-get", ["update", "-q", ...privately(options)]);
  } catch (error) {
    throw new SetupError(
      "The package lists could not be fetched",
      error instanceof Error ? error.message : String(error),
      "Check that this machine reaches the archive named in its apt sources (or the proxy in apt.conf)",
    );
  }
}

// Check-Valid-Until is off because a frozen mirror serves an old but still correctly signed list; signatures are checked.
function privately({ folder, architecture }: PrivateAptOptions): string[] {
  return [
    ...(architecture === undefined
      ? []
      : [`APT::Architecture=${architecture}`, `APT::Architectures::=${architecture}`]),
    "Dir::Etc::sourcelist=/dev/null",
    `Dir::Etc::sourceparts=${folder}/sources`,
    `Dir::Etc::preferences=${folder}/preferences`,
    "Dir::Etc::preferencesparts=/dev/null",
    `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    "APT::Sandbox::User=root",
    "APT::Get::List-Cleanup=false",
    // A list that cannot be fetched is an error, not a warning that leads to "no such package" later.
    "APT::Update::Error-Mode=any",
    // The lock of this folder is our own; the system's dpkg is not touched, so its lock is nobody's business here.
    "Debug::NoLocking=true",
    "Acquire::Languages=none",
    "Acquire::Check-Valid-Until=false",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
}

function privateApt(options: PrivateAptOptions, codename: string): PrivateApt {
  const { folder } = options;
  const locked = <T>(work: () => Promise<T>): Promise<T> => withLock(join(folder, "lock"), work);
  const suiteOf = (suite: Suite): string => (suite === "own" ? codename : suite);
  const install = (packages: readonly string[], into: string, extra: readonly string[]): Promise<string[]> =>
    locked(async () => {
      const archives = join(folder, "debs", into);
      await rm(archives, { recursive: true, force: true });
      await mkdir(join(archives, "partial"), { recursive: true });
      const args = [
        ...privately(options),
        "-o",
        `Dir::Cache::archives=${archives}`,
        ...extra,
        "--no-install-recommends",
        "-y",
        "-q",
      ];
      await run("apt-get", ["install", "--download-only", ...packages, ...args]);
      return (await readdir(archives)).filter((name) => name.endsWith(".deb")).map((name) => join(archives, name));
    });
  return {
    codename,
    download: (packages, suite) =>
      locked(async () => {
        const debs: string[] = [];
        for (const name of packages) {
          const into = join(folder, "debs", suite, name);
          await rm(into, { recursive: true, force: true });
          await mkdir(into, { recursive: true });
          await run("apt-get", ["download", "-q", ...privately(options), `${name}/${suiteOf(suite)}`], { cwd: into });
          debs.push(...(await readdir(into)).map((file) => join(into, file)));
        }
        return debs;
      }),
    downloadMissing: (packages) => install(packages, `missing-${packages.join("+")}`, []),
    downloadClosure: (packages) =>
      install(packages, `closure-${packages.join("+")}`, ["-o", "Dir::State::status=/dev/null"]),
    known: async (packages, suite) => {
      const table = await run("apt-cache", ["madison", ...privately(options), ...packages]).catch(() => "");
      const rows = table.split("\n").map((row) => row.split("|").map((cell) => cell.trim()));
      const inSuite = rows.filter(([, , origin = ""]) => new RegExp(` ${suiteOf(suite)}(-[a-z]+)?/`).test(origin));
      return packages.filter((name) => inSuite.some(([row]) => row === name));
    },
  };
}
