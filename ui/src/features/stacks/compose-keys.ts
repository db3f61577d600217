/** Keys of a compose file by the kind of mapping that they stand in; each with a few words of what it is for. */
export type KeyTable = Record<string, string>;

const SERVICE: KeyTable = {
  image: "image to run",
  command: "arguments of the container",
  entrypoint: "program of the container",
  environment: "environment variables",
  env_file: "files with environment variables",
  ports: "published ports",
  volumes: "volumes and binds",
  networks: "networks to join",
  depends_on: "services that come first",
  healthcheck: "how to tell that it works",
  restart: "restart policy",
  labels: "labels of the container",
  deploy: "replicas and resources",
  user: "user and group",
  cap_add: "capabilities to add",
  cap_drop: "capabilities to drop",
  secrets: "secrets to mount",
  configs: "configs to mount",
  profiles: "profiles that turn it on",
  working_dir: "working directory",
  hostname: "name in the container",
  container_name: "fixed container name",
  expose: "ports for other services",
  extra_hosts: "lines of /etc/hosts",
  init: "run an init process",
  read_only: "read-only root file system",
  stop_grace_period: "time to stop",
  stop_signal: "signal to stop with",
  tmpfs: "file systems in memory",
  tty: "allocate a terminal",
  ulimits: "limits of the process",
  logging: "log driver",
};
export const KEYS: Record<string, KeyTable> = {
  "": {
    name: "project name",
    services: "what runs",
    networks: "networks of the stack",
    volumes: "volumes of the stack",
    secrets: "secrets of the stack",
    configs: "configs of the stack",
  },
  service: SERVICE,
  healthcheck: {
    test: "command that succeeds when healthy",
    interval: "time between two checks",
    timeout: "time a check may take",
    retries: "failures until unhealthy",
    start_period: "time to start in",
    start_interval: "interval while starting",
    disable: "turn the image's check off",
  },
  deploy: {
    replicas: "copies",
    resources: "limits and reservations",
    restart_policy: "restart policy",
    update_config: "how to update",
    labels: "labels",
  },
  resources: { limits: "at most", reservations: "at least" },
  limits: { cpus: "processors, e.g. 0.5", memory: "e.g. 256M", pids: "processes" },
  dependency: { condition: "what to wait for", restart: "restart with it", required: "fail without it" },
  volume: {
    driver: "volume driver",
    driver_opts: "driver options",
    external: "made elsewhere",
    labels: "labels",
    name: "name on the host",
  },
  network: {
    driver: "network driver",
    external: "made elsewhere",
    internal: "no way out",
    ipam: "addresses",
    labels: "labels",
    name: "name on the host",
    attachable: "others may join",
  },
  secret: {
    file: "a file of the stack",
    environment: "a variable of the stack",
    external: "made elsewhere",
    name: "name",
  },
};
export const VALUES: Record<string, string[]> = {
  restart: ["no", "always", "on-failure", "unless-stopped"],
  condition: ["service_started", "service_healthy", "service_completed_successfully"],
  external: ["true", "false"],
  read_only: ["true", "false"],
  tty: ["true", "false"],
  init: ["true", "false"],
};

/** Which table of KEYS holds the keys of the mapping at a path of keys; undefined where names are the person's own. */
export function tableAt(path: readonly string[]): string | undefined {
  const [top, , key, deeper] = path;
  if (path.length === 0) return "";
  if (top === "services") {
    if (path.length === 2) return "service";
    if (path.length === 3 && (key === "healthcheck" || key === "deploy")) return key;
    if (path.length === 4 && key === "depends_on") return "dependency";
    if (path.length === 4 && key === "deploy" && deeper === "resources") return "resources";
    if (path.length === 5 && key === "deploy" && deeper === "resources") return "limits";
    return undefined;
  }
  if (path.length !== 2) return undefined;
  if (top === "volumes") return "volume";
  if (top === "networks") return "network";
  return top === "secrets" || top === "configs" ? "secret" : undefined;
}

/** The keys above the line at `index` (0-based), by indentation, outermost first. */
export function pathAbove(lines: readonly string[], index: number, indent: number): string[] {
  const path: string[] = [];
  let inner = indent;
  for (let at = index - 1; at >= 0 && inner > 0; at -= 1) {
    const match = /^(\s*)(?:- )?([^\s#:][^:]*?)\s*:/.exec(lines[at] ?? "");
    if (match === null) continue;
    const depth = match[1]!.length;
    if (depth >= inner) continue;
    path.unshift(match[2]!.replace(/^["']|["']$/g, ""));
    inner = depth;
  }
  return path;
}
