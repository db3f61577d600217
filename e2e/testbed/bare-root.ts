import { chmod, mkdir, readFile, readlink, readdir, lstat, symlink, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { type ServerTree, serverTree } from "./server-tree.ts";

/** What a bare system has beside glibc and libstdc++. */
const SYSTEMS = {
  /** A small Debian: coreutils, curl, openssl, zstd. */
  debian: [
    "dash",
    "coreutils",
    "sed",
    "grep",
    "gzip",
    "curl",
    "openssl",
    "zstd",
    "util-linux",
    "passwd",
    "login",
    "libc-bin",
  ],
  /** The same with systemd's own tools and OpenRC, neither of them running. */
  services: [
    "dash",
    "coreutils",
    "sed",
    "grep",
    "gzip",
    "curl",
    "util-linux",
    "systemd",
    "openrc",
    "mawk",
    "findutils",
  ],
  /** No coreutils, no curl: busybox under its names, and openssl, without which its wget speaks no TLS of today. */
  busybox: ["busybox", "openssl"],
} as const;
export type BareSystem = keyof typeof SYSTEMS;

const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1"];
const ACCOUNTS = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  "etc/group": "root:x:0:\ntty:x:5:\ndocker:x:113:\nnogroup:x:65534:\n",
  "etc/shadow": "root:*:20000:0:99999:7:::\n",
  "etc/gshadow": "root:*::\ndocker:!::\n",
  "etc/os-release": 'PRETTY_NAME="A bare system"\nID=bare\n',
};

/** A system of its own inside a machine: an installer may write anywhere in it. */
export interface BareRoot {
  /** As this process and the machine see it. */
  readonly folder: string;
  /** Prefix that runs a command in it. */
  readonly enter: readonly string[];
  /** Every file, folder and link: its kind, mode, owner and content. What the kernel makes (/proc, /sys, /dev, /run, /tmp) is left out. */
  tree(): Promise<Map<string, string>>;
}

/** Gives the machine a fresh root of the kind; packages are unpacked once into the cache. */
export async function bareRoot(machine: Machine, kind: BareSystem): Promise<BareRoot> {
  const { folder: lower } = await unpacked(kind);
  const base = join(machine.folder, `root-${kind}`);
  const folder = join(base, "root");
  for (const name of ["upper", "work", "root"]) await mkdir(join(base, name), { recursive: true });
  const script = `
mount -t overlay overlay -o lowerdir=${lower},upperdir=${base}/upper,workdir=${base}/work ${folder}
mkdir -p ${folder}/proc ${folder}/sys ${folder}/dev ${folder}/run ${folder}/tmp ${folder}/root ${folder}/var/log
mount --bind /proc ${folder}/proc
mount --rbind /dev ${folder}/dev
mount --rbind /sys ${folder}/sys
mount -t tmpfs tmpfs ${folder}/run
# As hardened systems have it.
mount -t tmpfs -o noexec,size=100m tmpfs ${folder}/tmp
`;
  await machine.exec(["/bin/sh", "-euc", script]);
  // The machine's own mounts are not seen from here: its init's view is.
  const seen = join("/proc", String(machine.initPid()), "root", folder);
  const put = async (name: string, text: string): Promise<void> => {
    await mkdir(join(seen, name, ".."), { recursive: true });
    await writeFile(join(seen, name), text);
  };
  for (const [name, text] of Object.entries(ACCOUNTS)) await put(name, text);
  await chmod(join(seen, "etc/shadow"), 0o600);
  await put("etc/hosts", "127.0.0.1 localhost\n");
  return {
    folder: seen,
    enter: ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "chroot", folder],
    tree: async () => {
      const found = new Map<string, string>();
      await walk(seen, "", found);
      return found;
    },
  };
}

function unpacked(kind: BareSystem): Promise<ServerTree> {
  return serverTree(`root-${kind}`, async (apt) => {
    const debs = await apt.downloadClosure([...LIBRARIES, ...SYSTEMS[kind]]);
    if (kind !== "busybox") return debs;
    // Of what glibc draws in, nothing but itself: a program of coreutils would hide what busybox lacks.
    return debs.filter((deb) =>
      /\/(libc6|libstdc\+\+6|libgcc-s1|busybox|gcc-\d+-base|libcrypt1|openssl|libssl3)_/.test(deb),
    );
  }).then(async (tree) => {
    if (kind === "busybox") await nameBusybox(tree.folder);
    return tree;
  });
}

// What `busybox --install` does; it cannot be asked on a machine whose architecture differs, and the list is fixed.
async function nameBusybox(folder: string): Promise<void> {
  const names =
    "sh ash awk basename cat chmod chown chroot cp cut date dd df dirname echo env expr false grep egrep gunzip gzip head hostname id kill ln ls mkdir mktemp mv nslookup printf ps pwd readlink rm rmdir sed setsid sha256sum sleep sort stat sync tail tar test [ touch tr true uname wc wget which xargs";
  for (const name of names.split(" "))
    await symlink("busybox", join(folder, "bin", name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
}

const MADE_BY_THE_KERNEL = new Set(["proc", "sys", "dev", "run", "tmp"]);

async function walk(root: string, below: string, found: Map<string, string>): Promise<void> {
  const entries = await readdir(join(root, below));
  for (const entry of entries.toSorted()) {
    const path = below === "" ? entry : `${below}/${entry}`;
    if (MADE_BY_THE_KERNEL.has(path)) continue;
    const full = join(root, path);
    const { mode, uid, gid } = await lstat(full);
    const kind = mode & 0o170000;
    let content = "";
    if (kind === 0o120000) content = await readlink(full);
    else if (kind === 0o100000)
      content = createHash("sha256")
        .update(await readFile(full))
        .digest("hex");
    found.set(`/${path}`, `${mode.toString(8)} ${uid}:${gid} ${content}`);
    if (kind === 0o040000) await walk(root, path, found);
  }
}
