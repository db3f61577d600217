import type { BigIntStats } from "node:fs";
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
  /** The same with OpenRC, which does not run. */
  openrc: ["dash", "coreutils", "sed", "grep", "gzip", "curl", "util-linux", "openrc", "mawk", "findutils"],
  /** What boots with systemd. */
  systemd: [
    "dash",
    "coreutils",
    "sed",
    "grep",
    "gzip",
    "curl",
    "util-linux",
    "systemd",
    "dbus",
    "passwd",
    "login",
    "findutils",
  ],
  /** No coreutils, no curl: busybox under its names, and openssl, without which its wget speaks no TLS of today. */
  busybox: ["busybox", "openssl"],
} as const;
export type BareSystem = keyof typeof SYSTEMS;

const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1"];
const ACCOUNTS = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\nmessagebus:x:100:105::/nonexistent:/bin/false\n",
  "etc/group": "root:x:0:\ntty:x:5:\nmessagebus:x:105:\ndocker:x:113:\nnogroup:x:65534:\n",
  "etc/shadow": "root:*:20000:0:99999:7:::\n",
  "etc/gshadow": "root:*::\ndocker:!::\n",
  "etc/os-release": 'PRETTY_NAME="A bare system"\nID=bare\n',
};

/** A system of its own inside a machine: an installer may write anywhere in it. */
export interface BareRoot {
  /** As this process sees it. */
  readonly folder: string;
  /** As the machine sees it. */
  readonly inside: string;
  /** Prefix that runs a command in it. */
  readonly enter: readonly string[];
  /** Writes a file, with the folders above it. */
  put(path: string, text: string): Promise<void>;
  /** Every file, folder and link: its kind, mode, owner and content. What the kernel makes (/proc, /sys, /dev, /run, /tmp) is left out. */
  tree(): Promise<Map<string, string>>;
}

/** Gives the machine a fresh root of the kind; packages are unpacked once into the cache. */
export async function bareRoot(machine: Machine, kind: BareSystem): Promise<BareRoot> {
  const { folder: lower } = await unpacked(kind);
  const base = join(machine.folder, `root-${kind}`);
  const folder = join(base, "root");
  await mkdir(base, { recursive: true });
  const script = `
# In memory: an installer says sync, and this system's disk may have much else to write.
mount -t tmpfs -o mode=755,size=1g tmpfs ${base}
mkdir ${base}/upper ${base}/work ${base}/root
mount -t overlay overlay -o lowerdir=${lower},upperdir=${base}/upper,workdir=${base}/work ${folder}
mkdir -p ${folder}/proc ${folder}/sys ${folder}/dev ${folder}/run ${folder}/tmp ${folder}/root ${folder}/var/log
mount --bind /proc ${folder}/proc
mount --rbind /dev ${folder}/dev
mount --rbind /sys ${folder}/sys
# What is made there is this machine's alone, and goes with it.
groups=/sys/fs/cgroup
# cgroup 1 has a tree for each controller; a new group of cpusets takes no process before it is set up. As on any system, the
# first process is in none of them.
for tree in $groups/*/cgroup.procs; do [ -f $groups/cgroup.procs ] || echo 1 >"$tree"; done
[ -f $groups/cgroup.procs ] || groups=$(find $groups -mindepth 1 -maxdepth 1 -type d ! -name "cpuset*")
for group in $groups; do
  mkdir -p "$group${machine.cgroup}"
  mount --bind "$group${machine.cgroup}" "${folder}$group"
done
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
    inside: folder,
    put,
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

/** Of contents that an earlier look has read, by what changes with them. Roots of a kind have the files of its packages in common. */
const HASHES = new Map<string, string>();

async function walk(root: string, below: string, found: Map<string, string>): Promise<void> {
  const entries = await readdir(join(root, below));
  for (const entry of entries.toSorted()) {
    const path = below === "" ? entry : `${below}/${entry}`;
    if (MADE_BY_THE_KERNEL.has(path)) continue;
    const full = join(root, path);
    const stat = await lstat(full, { bigint: true });
    const kind = Number(stat.mode) & 0o170000;
    let content = "";
    if (kind === 0o120000) content = await readlink(full);
    else if (kind === 0o100000) content = await hashOf(full, path, stat);
    found.set(`/${path}`, `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${content}`);
    if (kind === 0o040000) await walk(root, path, found);
  }
}

async function hashOf(full: string, path: string, stat: BigIntStats): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = stat;
  const mark = `${path} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  const known = HASHES.get(mark);
  if (known !== undefined) return known;
  const hash = createHash("sha256")
    .update(await readFile(full))
    .digest("hex");
  HASHES.set(mark, hash);
  return hash;
}
