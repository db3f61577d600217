/** Which engine to set up: the newest that the machine's archive has, or the oldest that the agent still serves. */
export type EngineRelease = "current" | "20.10";

/** Packages of one attempt to get a release; attempts are tried in order until one's programs run on this machine. */
export interface PackageChoice {
  suite: "own" | "sid" | "bookworm";
  /** Without these there is no engine. */
  engine: readonly string[];
  /** Taken when the suite has them. */
  extras: readonly string[];
}

const COMPOSE_EXTRAS = ["docker-cli", "docker-compose", "docker-buildx", "docker-compose-v2", "tini-static"];

/** What to try for a release, best first. sid's engine runs on an older libc; its runc does not, so runc is always the machine's own. */
export function choicesFor(release: EngineRelease): PackageChoice[] {
  if (release === "20.10") return [{ suite: "bookworm", engine: ["docker.io", "containerd"], extras: ["tini"] }];
  return [
    { suite: "sid", engine: ["docker.io", "containerd"], extras: COMPOSE_EXTRAS },
    { suite: "own", engine: ["docker.io", "containerd"], extras: [...COMPOSE_EXTRAS, "tini"] },
  ];
}

/** Needed beside the engine from the machine's own release, with the libraries that are missing; runc is the container runtime. */
export const SUPPORT_PACKAGES: readonly string[] = ["runc", "iptables", "iproute2"];

/** Programs that have to run before a set-up counts as done. */
export const REQUIRED_PROGRAMS: readonly string[] = [
  "dockerd",
  "containerd",
  "containerd-shim-runc-v2",
  "runc",
  "docker-init",
  "iptables",
];
