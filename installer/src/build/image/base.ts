import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { openPrivateApt } from "../../engine/private-apt.ts";
import { run } from "../../engine/run.ts";
import { packTree } from "../../images/package-tar.ts";
import type { Arch } from "../runtime.ts";

/** The user that the control plane's image runs as; no system gives this number to anybody. */
export const IMAGE_USER = 10_001;

/** A package of Debian or Ubuntu inside of an image. */
export interface BasePackage {
  name: string;
  version: string;
  /** Debian's name: "amd64", "arm64", "all". */
  architecture: string;
  /** "debian", "ubuntu". */
  distribution: string;
}

export interface ImageBase {
  /** Path of the file tree's tar. */
  tar: string;
  packages: BasePackage[];
}

export interface BaseOptions {
  root: string;
  arch: Arch;
  /** Folder for the tar and what is made on the way. */
  workFolder: string;
  say: (line: string) => void;
}

// The C and C++ libraries that Node needs, a shell for PostgreSQL's initdb and for people, and what these pull in.
const PACKAGES = ["libc6", "libstdc++6", "busybox-static"];
// For installing packages, which nobody does in the image.
const NOT_NEEDED = /^(libcrypt1|debconf|dpkg|perl-base|tar)_/;
const DEBIAN_NAMES: Record<Arch, string> = { x64: "amd64", arm64: "arm64" };

// -p: modes as in the package, whatever the umask.
const EXTRACT = 'dpkg-deb --fsys-tarfile "$1" | tar -x -p -C "$2" --keep-directory-symlink';
// Licences stay; manuals, translations and what is for other programs go.
const PRUNE = `
cd "$1"
rm -rf usr/share/man usr/share/locale usr/share/lintian usr/share/gcc usr/share/gdb usr/share/initramfs-tools usr/lib/*/gconv
find usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type d -empty -delete
`;

/**
 * The smallest tree that our programs run in, made from packages of this machine's archive. Throws SetupError where there is
 * no apt or the archive has no packages of that architecture.
 */
export async function makeImageBase({ root, arch, workFolder, say }: BaseOptions): Promise<ImageBase> {
  const architecture = DEBIAN_NAMES[arch];
  const own = process.arch === arch;
  const apt = await openPrivateApt({
    folder: join(root, ".cache", own ? "apt" : `apt-${architecture}`),
    ...(own ? {} : { architecture, suites: [] }),
    onProgress: say,
  });
  return packImageBase(await apt.downloadClosure(PACKAGES), workFolder);
}

/** The tree of these packages (paths of .deb files). The same packages give the same bytes, whatever the umask. */
export async function packImageBase(packageFiles: readonly string[], workFolder: string): Promise<ImageBase> {
  const debs = packageFiles
    .filter((deb) => !NOT_NEEDED.test(basename(deb)))
    .toSorted((a, b) => (basename(a) < basename(b) ? -1 : 1));
  const tree = await mkdtemp(join(workFolder, "base-"));
  try {
    await chmod(tree, 0o755);
    await makeFolder(join(tree, "usr"), 0o755);
    for (const folder of ["bin", "sbin", "lib", "lib64"]) {
      await makeFolder(join(tree, "usr", folder), 0o755);
      await symlink(`usr/${folder}`, join(tree, folder));
    }
    const packages: BasePackage[] = [];
    for (const deb of debs) {
      await run("/bin/sh", ["-euc", EXTRACT, "sh", deb, tree]);
      packages.push(await recordPackage(deb, tree));
    }
    await run("/bin/sh", ["-euc", PRUNE, "sh", tree]);
    await addSystemFiles(tree);
    await packTree(tree, `${tree}.tar`);
    return { tar: `${tree}.tar`, packages };
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** Where scanners of images look for packages when there is no dpkg. */
async function recordPackage(deb: string, tree: string): Promise<BasePackage> {
  const control = await run("dpkg-deb", ["-f", deb]);
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(control)?.[1] ?? "unknown";
  const distribution = /^ID="?([a-z]+)/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "debian";
  const found = {
    name: field("Package"),
    version: field("Version"),
    architecture: field("Architecture"),
    distribution,
  };
  for (const folder of ["var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/status.d"])
    await makeFolder(join(tree, folder), 0o755);
  await putFile(join(tree, "var/lib/dpkg/status.d", found.name), control);
  return found;
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
windflow:x:${IMAGE_USER}:${IMAGE_USER}:WindFlow:/var/lib/windflow:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`;
const GROUP = `root:x:0:\nwindflow:x:${IMAGE_USER}:\nnogroup:x:65534:\n`;
// As many as a person needs who looks around in a container, and PostgreSQL's initdb.
const APPLETS = ["sh", "ls", "cat", "ps", "df", "du", "grep", "head", "tail", "kill", "mount", "ip", "nslookup", "vi"];

async function addSystemFiles(tree: string): Promise<void> {
  for (const folder of ["dev", "etc", "opt", "opt/windflow", "proc", "run", "sys", "usr/local", "usr/local/bin", "var"])
    await makeFolder(join(tree, folder), 0o755);
  await makeFolder(join(tree, "root"), 0o700);
  await makeFolder(join(tree, "tmp"), 0o1777);
  await putFile(join(tree, "etc/passwd"), PASSWD);
  await putFile(join(tree, "etc/group"), GROUP);
  for (const applet of APPLETS) await symlink("busybox", join(tree, "usr/bin", applet));
}

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
}

async function putFile(path: string, content: string): Promise<void> {
  await writeFile(path, content);
  await chmod(path, 0o644);
}
