import { createReadStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type PrivateApt, openPrivateApt, run, withLock } from "@windflow/installer";
import type Docker from "dockerode";
import { cacheFolder } from "./paths.ts";

/** Images made here from the machine's own packages; no registry is asked. */
export type ImageName = "busybox" | "nginx" | "redis" | "python";

interface Recipe {
  /** Reference that the image gets. */
  reference: string;
  packages: readonly string[];
  /** Dockerfile instructions for the import. */
  changes: readonly string[];
}

const RECIPES: Record<ImageName, Recipe> = {
  busybox: { reference: "wf/busybox:1", packages: ["busybox-static"], changes: ['CMD ["/bin/sh"]'] },
  nginx: {
    reference: "wf/nginx:1",
    packages: ["nginx-light", "busybox-static"],
    changes: ['CMD ["nginx", "-g", "daemon off;"]', "EXPOSE 80"],
  },
  redis: {
    reference: "wf/redis:1",
    packages: ["redis-server", "redis-tools", "busybox-static"],
    changes: [
      'CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data"]',
      "EXPOSE 6379",
      "VOLUME /data",
    ],
  },
  python: {
    reference: "wf/python:1",
    packages: ["python3-minimal", "python3", "busybox-static"],
    changes: ['CMD ["python3"]'],
  },
};

// Needed to install packages, not to run what they contain; their maintainer scripts never run here.
const PACKAGING =
  /^(dpkg|debconf|perl|libperl|tar|adduser|passwd|init-system-helpers|debianutils|sysvinit-utils|lsb-base|ucf|sensible-utils|gcc-\d+-base|libpam|libdb5|libsemanage|netbase|mount|util-linux|media-types|readline-common|python3-pip)/;

/** Makes sure that an engine has the images; gives their references by name. About 0.2 s each from the cache. */
export async function buildImages<Name extends ImageName>(
  docker: Docker,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const references = {} as Record<Name, string>;
  for (const name of names) {
    const recipe = RECIPES[name];
    references[name] = recipe.reference;
    if (
      await docker
        .getImage(recipe.reference)
        .inspect()
        .catch(() => undefined)
    )
      continue;
    await importImage(docker, await imageTar(name), recipe);
  }
  return references;
}

/** Path of the image's file tree as a tar, made on first use. */
export async function imageTar(name: ImageName): Promise<string> {
  const folder = join(cacheFolder, "images");
  const tar = join(folder, `${name}.tar`);
  if (await stat(tar).catch(() => undefined)) return tar;
  await mkdir(folder, { recursive: true });
  await withLock(join(folder, `${name}.lock`), async () => {
    if (await stat(tar).catch(() => undefined)) return;
    console.log(`testbed: making the image ${RECIPES[name].reference} from packages …`);
    await makeTar(join(folder, `${name}.tree`), tar, RECIPES[name].packages);
  });
  return tar;
}

async function importImage(docker: Docker, tar: string, { reference, changes }: Recipe): Promise<void> {
  const [repo, tag] = reference.split(":");
  const query = { repo, tag, changes: [...changes] } as unknown as Record<string, string>;
  const stream = await docker.importImage(createReadStream(tar), query);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

async function makeTar(tree: string, tar: string, packages: readonly string[]): Promise<void> {
  const apt: PrivateApt = await openPrivateApt({
    folder: join(cacheFolder, "apt"),
    onProgress: (sentence) => console.log(`testbed: ${sentence}`),
  });
  const debs = (await apt.downloadClosure(packages)).filter((deb) => !PACKAGING.test(basename(deb)));
  await rm(tree, { recursive: true, force: true });
  for (const folder of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"])
    await mkdir(join(tree, folder), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) await symlink(`usr/${name}`, join(tree, name));
  for (const deb of debs) {
    await run("/bin/sh", [
      "-euc",
      'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale',
      "sh",
      deb,
      tree,
    ]);
  }
  await finishTree(tree);
  await run("tar", [
    "-C",
    tree,
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    "--sort=name",
    "-cf",
    `${tar}.draft`,
    ".",
  ]);
  await rename(`${tar}.draft`, tar);
  await rm(tree, { recursive: true, force: true });
}

// What maintainer scripts and base packages would have made: users, folders, the shell's applets, the linker's cache.
async function finishTree(tree: string): Promise<void> {
  for (const folder of ["tmp", "run", "root", "etc", "data", "var/log", "var/tmp", "proc", "sys", "dev"])
    await mkdir(join(tree, folder), { recursive: true });
  await chmod(join(tree, "tmp"), 0o1777);
  await writeFile(
    join(tree, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\nredis:x:101:101::/data:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
  );
  await writeFile(join(tree, "etc/group"), "root:x:0:\nadm:x:4:\nwww-data:x:33:\nredis:x:101:\nnogroup:x:65534:\n");
  const busybox = join(tree, "usr/bin/busybox");
  for (const applet of (await run(busybox, ["--list"])).split("\n")) {
    const link = join(tree, "usr/bin", applet);
    if (applet !== "" && (await lstat(link).catch(() => undefined)) === undefined) await symlink("busybox", link);
  }
  if (await stat(join(tree, "etc/nginx")).catch(() => undefined)) await finishNginx(tree);
  const libraries = await readdir(join(tree, "usr/lib"));
  if (libraries.length > 0) await run("ldconfig", ["-r", tree]);
}

async function finishNginx(tree: string): Promise<void> {
  await mkdir(join(tree, "var/www/html"), { recursive: true });
  await mkdir(join(tree, "var/lib/nginx"), { recursive: true });
  await mkdir(join(tree, "var/log/nginx"), { recursive: true });
  await writeFile(join(tree, "var/www/html/index.html"), "<h1>It works</h1>\n");
  await rm(join(tree, "etc/nginx/sites-enabled/default"), { force: true });
  await symlink("/etc/nginx/sites-available/default", join(tree, "etc/nginx/sites-enabled/default"));
  await symlink("/dev/stdout", join(tree, "var/log/nginx/access.log"));
  await symlink("/dev/stderr", join(tree, "var/log/nginx/error.log"));
}
