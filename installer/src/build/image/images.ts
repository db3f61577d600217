import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { packTree } from "../../images/package-tar.ts";
import type { BuildFacts } from "../facts.ts";
import type { Arch } from "../runtime.ts";
import { type ImageSettings, writeImageArchive } from "./archive.ts";
import { IMAGE_USER, type ImageBase } from "./base.ts";

export interface ImageOptions {
  base: ImageBase;
  facts: BuildFacts;
  arch: Arch;
  /** Path of the program's executable. */
  executable: string;
  /** Path of the archive to write. */
  outfile: string;
  workFolder: string;
}

const SECOND = 1_000_000_000;
const STATE = "/var/lib/windflow";
const PATH = "PATH=/usr/local/bin:/usr/bin:/bin";

/** `repository:tag` of the images of a version. */
export const imageReferences = (version: string): { controlPlane: string; agent: string } => ({
  controlPlane: `windflow/control-plane:${version}`,
  agent: `windflow/agent:${version}`,
});

/**
 * The control plane as an image: runs as a user of its own, keeps everything in the volume /var/lib/windflow.
 * `released` are files that it gives to hosts (agents, checksums, their signature). Gives the image's id.
 */
export async function makeControlPlaneImage(options: ImageOptions & { released: readonly string[] }): Promise<string> {
  const { facts, arch, executable, released, outfile, workFolder } = options;
  const name = "windflow-control-plane";
  // Alone in its layer: it belongs to the image's user, what is above it to root.
  const stateFolder = { owner: IMAGE_USER, only: STATE.slice(1) };
  const state = await layer(workFolder, (tree) => makeFolder(join(tree, STATE), 0o711), stateFolder);
  const program = await programLayer(workFolder, name, executable, released);
  const settings: ImageSettings = {
    User: `${IMAGE_USER}:${IMAGE_USER}`,
    Entrypoint: [`/usr/local/bin/${name}`],
    Env: [PATH, `WINDFLOW_STATE=${STATE}`],
    ExposedPorts: { "8443/tcp": {} },
    Volumes: { [STATE]: {} },
    Healthcheck: {
      Test: ["CMD", `/usr/local/bin/${name}`, "health"],
      Interval: 30 * SECOND,
      StartInterval: 2 * SECOND,
      Timeout: 15 * SECOND,
      // A start after a crash replays the database's log.
      StartPeriod: 120 * SECOND,
      Retries: 3,
    },
    Labels: labels(facts, "WindFlow control plane", "Deploys container stacks to fleets of machines."),
  };
  const layers = [options.base.tar, state, program];
  const reference = imageReferences(facts.version).controlPlane;
  return writeImageArchive({ layers, settings, arch, reference, outfile, workFolder });
}

/** The agent as an image, for hosts without glibc: it works on the engine whose socket is mounted. Gives the image's id. */
export async function makeAgentImage({
  base,
  facts,
  arch,
  executable,
  outfile,
  workFolder,
}: ImageOptions): Promise<string> {
  const name = "windflow-agent";
  const program = await programLayer(workFolder, name, executable, []);
  const settings: ImageSettings = {
    Entrypoint: [`/usr/local/bin/${name}`],
    Cmd: ["run"],
    Env: [PATH],
    Labels: labels(facts, "WindFlow agent", "Runs container stacks on this host as its control plane asks."),
  };
  const reference = imageReferences(facts.version).agent;
  return writeImageArchive({ layers: [base.tar, program], settings, arch, reference, outfile, workFolder });
}

function labels({ version, commit, channel }: BuildFacts, title: string, description: string): Record<string, string> {
  return {
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.description": description,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.revision": commit,
    "org.opencontainers.image.licenses": "Apache-2.0",
    "windflow.channel": channel,
  };
}

function programLayer(
  workFolder: string,
  name: string,
  executable: string,
  beside: readonly string[],
): Promise<string> {
  return layer(workFolder, async (tree) => {
    for (const folder of ["opt", "opt/windflow", "usr", "usr/local", "usr/local/bin"])
      await makeFolder(join(tree, folder), 0o755);
    await put(executable, join(tree, "opt/windflow", name), 0o755);
    for (const path of beside) {
      const target = join(tree, "opt/windflow", basename(path));
      await put(path, target, /^windflow-agent-linux-[a-z0-9]+$/.test(basename(path)) ? 0o755 : 0o644);
    }
    await symlink(`../../../opt/windflow/${name}`, join(tree, "usr/local/bin", name));
  });
}

/** Path of the tar with what `fill` puts into a folder. */
async function layer(
  workFolder: string,
  fill: (tree: string) => Promise<void>,
  packed: Parameters<typeof packTree>[2] = {},
): Promise<string> {
  const tree = await mkdtemp(join(workFolder, "layer-"));
  try {
    await chmod(tree, 0o755);
    await fill(tree);
    await packTree(tree, `${tree}.tar`, packed);
    return `${tree}.tar`;
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
}

async function put(from: string, to: string, mode: number): Promise<void> {
  await copyFile(from, to);
  await chmod(to, mode);
}
