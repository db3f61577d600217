import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pingEngine } from "@windflow/installer";
import Docker from "dockerode";
import { type Machine, type MachineProcess, createMachine } from "./machine.ts";
import { type ServerTree, serverTree } from "./server-tree.ts";
import { type EngineChoice, testEnginePrograms } from "./test-engine.ts";

// Ready after a third of a second; the rest is for a loaded machine.
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;
// Of every container: the engine's own defaults are above what an unprivileged test machine may grant.
const OPEN_FILES = 20_000;
const PROCESSES = 4_096;

const CGROUPS = "/sys/fs/cgroup";

/** Podman's Docker-compatible service in a machine of its own. */
export interface TestPodman {
  readonly socketPath: string;
  readonly docker: Docker;
  readonly machine: Machine;
  /** Kills the service alone; containers go on, as they do not depend on it. */
  crash(): Promise<void>;
  restart(): Promise<void>;
  /** Ends and removes everything, files too. */
  stop(): Promise<void>;
}

/** Starts `podman system service` (Debian's, unpacked into the cache) for one test. Its healthchecks need a systemd, which is not there. */
export async function startTestPodman(choice: Pick<EngineChoice, "trusts"> = {}): Promise<TestPodman> {
  const tree = await serverTree("podman", (apt) =>
    apt.downloadMissing(["podman", "conmon", "netavark", "aardvark-dns", "catatonit", "runc"]),
  );
  // Of the engine it takes the machine's init and iptables.
  const programs = await testEnginePrograms();
  const machine = await createMachine({ name: "podman", engine: programs });
  const socketPath = join(machine.folder, "podman.sock");
  const found = programs.environment(process.env);
  const libraryPath = [found["LD_LIBRARY_PATH"], tree.libraryPath].join(":");
  const trust = choice.trusts === undefined ? {} : { SSL_CERT_FILE: choice.trusts };
  // conmon and the runtime below it get no other environment than what the configuration names.
  const inherited = { PATH: found["PATH"] ?? "", LD_LIBRARY_PATH: libraryPath };
  const env = { ...(await configure(machine, tree, inherited)), ...trust, LD_LIBRARY_PATH: libraryPath };
  let service: MachineProcess;
  const start = async (): Promise<void> => {
    await rm(socketPath, { force: true });
    service = await machine.start([...commandOf(tree), `unix://${socketPath}`], {
      env,
      logFile: join(machine.folder, "podman.log"),
    });
    await untilReady(socketPath, () => service);
  };
  try {
    await start();
  } catch (error) {
    await machine.remove();
    throw error;
  }
  return {
    socketPath,
    docker: new Docker({ socketPath }),
    machine,
    crash: async () => {
      service.kill("SIGKILL");
      await service.ended;
    },
    restart: start,
    stop: async () => {
      await machine.remove();
      await removeEmptyGroups();
    },
  };
}

function commandOf(tree: ServerTree): string[] {
  return [
    join(tree.folder, "usr/bin/podman"),
    "--cgroup-manager=cgroupfs",
    "--events-backend=file",
    "--log-level=warn",
    "system",
    "service",
    "--time=0",
  ];
}

/** Writes the configuration that an installed Podman finds in /etc/containers; gives the environment that names it. */
async function configure(
  machine: Machine,
  { folder }: ServerTree,
  inherited: Readonly<Record<string, string>>,
): Promise<NodeJS.ProcessEnv> {
  const home = join(machine.folder, "home");
  const containers = join(home, ".config/containers");
  await mkdir(containers, { recursive: true });
  const file = (name: string): string => join(containers, name);
  await writeFile(file("policy.json"), `{"default": [{"type": "insecureAcceptAnything"}]}\n`);
  await writeFile(file("registries.conf"), "unqualified-search-registries = []\n");
  await writeFile(file("storage.conf"), storageSettings(machine));
  const helpers = [join(folder, "usr/lib/podman"), join(folder, "usr/libexec/podman"), join(folder, "usr/bin")];
  await writeFile(
    file("containers.conf"),
    `[containers]
default_ulimits = ["nofile=${OPEN_FILES}:${OPEN_FILES}", "nproc=${PROCESSES}:${PROCESSES}"]
cgroups = "enabled"
[engine]
init_path = "${join(folder, "usr/libexec/podman/catatonit")}"
runtime = "runc"
conmon_env_vars = [${Object.entries(inherited)
      .map(([name, value]) => `"${name}=${value}"`)
      .join(", ")}]
conmon_path = ["${join(folder, "usr/bin/conmon")}"]
helper_binaries_dir = [${helpers.map((place) => `"${place}"`).join(", ")}]
tmp_dir = "${join(machine.folder, "tmp")}"
[engine.runtimes]
runc = ["${join(folder, "usr/sbin/runc")}"]
[network]
network_backend = "netavark"
network_config_dir = "${join(machine.folder, "networks")}"
`,
  );
  return {
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    CONTAINERS_CONF: file("containers.conf"),
    CONTAINERS_REGISTRIES_CONF: file("registries.conf"),
    CONTAINERS_STORAGE_CONF: file("storage.conf"),
  };
}

function storageSettings(machine: Machine): string {
  return `[storage]
driver = "overlay"
graphroot = "${join(machine.folder, "storage")}"
runroot = "${join(machine.folder, "run")}"
`;
}

// Podman puts its containers' cgroups below one folder at the root, whatever the machine; those that are in use stay.
async function removeEmptyGroups(): Promise<void> {
  for (const controller of await readdir(CGROUPS).catch(() => [])) {
    const parent = join(CGROUPS, controller, "libpod_parent");
    const groups = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith("libpod-"));
    for (const group of groups) await rmdir(join(parent, group)).catch(() => undefined);
    await rmdir(parent).catch(() => undefined);
  }
}

async function untilReady(socketPath: string, service: () => MachineProcess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let ended = false;
  const running = service();
  running.ended.then(
    () => (ended = true),
    () => (ended = true),
  );
  while ((await pingEngine({ socketPath })) === undefined) {
    if (ended || Date.now() > deadline) throw new Error(`Podman did not start: ${service().output()}`);
    await sleep(READY_POLL_MS);
  }
}
