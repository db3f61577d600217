// Pure: a package-lock.json as a value in, what `npm ci` would miss in it out.

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
  dev?: boolean;
  [field: string]: unknown;
}

/** The parts of a package-lock.json (version 3) that are looked at. */
export interface Lock {
  packages: Record<string, LockedPackage>;
}

const PLATFORM = /(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(.*)$/;

/**
 * The lock with an entry for every optional package that another one names. npm writes none for a package that it cannot
 * fetch (a mirror may carry this platform's only), and `npm ci` then refuses the lock. Such an entry has no digest: it
 * is for platforms that WindFlow is not installed from.
 */
export function completeLock(lock: Lock): { lock: Lock; added: string[] } {
  const packages = { ...lock.packages };
  const added: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = PLATFORM.exec(name);
      if (platform === null || isLocked(packages, path, name)) continue;
      const [, os = "", cpu = "", rest = ""] = platform;
      packages[`node_modules/${name}`] = {
        version,
        cpu: [cpu === "armv7" ? "arm" : cpu],
        ...(entry.dev === true ? { dev: true } : {}),
        ...(rest.includes("musl") ? { libc: ["musl"] } : {}),
        optional: true,
        os: [os],
      };
      added.push(name);
    }
  }
  // npm's own order, so that its next write changes nothing.
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en"));
  return { lock: { ...lock, packages: Object.fromEntries(sorted) }, added };
}

// Node's look-up: beside the package itself, then beside each folder around it.
function isLocked(packages: Lock["packages"], from: string, name: string): boolean {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/"))).replace(/\/$/, "")) {
    if (packages[`${base === "" ? "" : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === "" || !base.includes("node_modules/")) return packages[`node_modules/${name}`] !== undefined;
  }
}
