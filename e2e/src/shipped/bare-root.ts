import { chown, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Program, run } from "@windflow/installer";
import { type Machine, imageBase } from "@windflow/e2e/testbed";

/** User of the released images; it has a name in their base. */
const USER = 10_001;

/** A file system with a C library, a shell and nothing else, in which a program runs as a user without rights. */
export interface BareRoot {
  /** Its path outside. */
  readonly folder: string;
  /** Puts a file into its root folder. */
  put(path: string, name: string): Promise<void>;
  /** Runs one of its programs as that user, with nothing in the environment. */
  run(command: readonly string[], logFile: string): Promise<Program>;
}

/** Makes a bare root on a machine; the empty folder /state in it belongs to the user. */
export async function makeBareRoot(machine: Machine): Promise<BareRoot> {
  const folder = join(machine.folder, "root");
  await mkdir(folder);
  await run("tar", ["-xf", (await imageBase()).tar, "-C", folder]);
  await mkdir(join(folder, "state"));
  await chown(join(folder, "state"), USER, USER);
  for (const place of ["/proc", "/dev"]) await machine.exec(["mount", "--rbind", place, join(folder, place)]);
  const inside = ["env", "-i", "PATH=/usr/sbin:/usr/bin", "chroot", `--userspec=${USER}:${USER}`, folder];
  return {
    folder,
    put: (path, name) => copyFile(path, join(folder, name)),
    run: (command, logFile) => machine.run([...inside, ...command], { logFile }),
  };
}
