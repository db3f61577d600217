import { lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { openPrivateApt } from "../engine/private-apt.ts";
import { run } from "../engine/run.ts";

/** A file tree for an image, made of the machine's own packages. */
export interface TreeRecipe {
  name: string;
  packages: readonly string[];
  /** Adds what the packages' maintainer scripts would have made. */
  finish?: (tree: string) => Promise<unknown>;
}

export interface TarOptions {
  /** The project's ignored cache; tars are kept in `images` below it. */
  cacheFolder: string;
  onProgress: (sentence: string) => void;
}

// Needed to install packages, not to run what they contain; their maintainer scripts never run here.
const PACKAGING =
  /^(dpkg|debconf|perl|libperl|tar|adduser|passwd|init-system-helpers|debianutils|sysvinit-utils|lsb-base|ucf|sensible-utils|gcc-\d+-base|libpam|libdb5|libsemanage|netbase|mount|util-linux|media-types|readline-common)/;

const EXTRACT =
  'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale';

/** Path of the recipe's tar, made on first use (seconds) and kept. */
export async function packageTar(recipe: TreeRecipe, options: TarOptions): Promise<string> {
  const folder = join(options.cacheFolder, "images");
  const tar = join(folder, `${recipe.name}.tar`);
  const made = async (): Promise<boolean> => (await stat(tar).catch(() => undefined)) !== undefined;
  if (await made()) return tar;
  await withLock(join(folder, `${recipe.name}.lock`), async () => {
    if (!(await made())) await makeTar(join(folder, `${recipe.name}.tree`), tar, recipe, options);
  });
  return tar;
}

async function makeTar(tree: string, tar: string, recipe: TreeRecipe, options: TarOptions): Promise<void> {
  options.onProgress(`making the file tree of ${recipe.name} from packages …`);
  const apt = await openPrivateApt({ folder: join(options.cacheFolder, "apt"), onProgress: options.onProgress });
  const debs = (await apt.downloadClosure(recipe.packages)).filter((deb) => !PACKAGING.test(basename(deb)));
  await rm(tree, { recursive: true, force: true });
  for (const folder of ["bin", "sbin", "lib", "lib64"]) {
    await mkdir(join(tree, "usr", folder), { recursive: true });
    await symlink(`usr/${folder}`, join(tree, folder));
  }
  for (const deb of debs) await run("/bin/sh", ["-euc", EXTRACT, "sh", deb, tree]);
  await addBase(tree);
  await recipe.finish?.(tree);
  // Static programs have no use for the linker's cache, and making one needs root.
  const names = await readdir(join(tree, "usr/lib"), { recursive: true });
  if (names.some((name) => /\.so\b/.test(name))) await run("/sbin/ldconfig", ["-r", tree]);
  await packTree(tree, tar);
  await rm(tree, { recursive: true, force: true });
}

/**
 * Packs a tree so that the same files give the same bytes: sorted, without times, all of one owner.
 * @param from.owner number of the user and group; root by default
 * @param from.only path below the tree to pack alone
 */
export async function packTree(
  tree: string,
  tar: string,
  from: { readonly owner?: number; readonly only?: string } = {},
): Promise<void> {
  const { owner = 0, only = "." } = from;
  const same = ["--numeric-owner", `--owner=${owner}`, `--group=${owner}`, "--sort=name", "--mtime=@0"];
  await run("tar", ["-C", tree, ...same, "-cf", `${tar}.draft`, only]);
  await rename(`${tar}.draft`, tar);
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
www-data:x:33:33::/var/www:/bin/sh
redis:x:101:101::/data:/bin/sh
nobody:x:65534:65534::/:/bin/sh
`;
const GROUP = "root:x:0:\nadm:x:4:\nwww-data:x:33:\nredis:x:101:\nnogroup:x:65534:\n";

async function addBase(tree: string): Promise<void> {
  for (const folder of ["run", "root", "etc", "var/log", "var/tmp", "proc", "sys", "dev"]) {
    await mkdir(join(tree, folder), { recursive: true });
  }
  await mkdir(join(tree, "tmp"), { recursive: true });
  await run("chmod", ["1777", join(tree, "tmp"), join(tree, "var/tmp")]);
  await writeFile(join(tree, "etc/passwd"), PASSWD);
  await writeFile(join(tree, "etc/group"), GROUP);
  const busybox = join(tree, "usr/bin/busybox");
  for (const applet of (await run(busybox, ["--list"])).split("\n")) {
    const link = join(tree, "usr/bin", applet);
    if (applet !== "" && (await lstat(link).catch(() => undefined)) === undefined) await symlink("busybox", link);
  }
}
