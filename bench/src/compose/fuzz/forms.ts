// Short forms: texts put together from the pieces that their readers look for.
import type { Stack } from "../tool.ts";
import {
  address,
  amount,
  any,
  commandLine,
  device,
  duration,
  extraHost,
  host,
  hostAddress,
  hostPath,
  noisy,
  number,
  pairText,
  port,
  portNumber,
  portRange,
  protocol,
  row,
  size,
  target,
  volume,
  type Make,
} from "./pieces.ts";
import type { Random } from "./random.ts";

const quote = (text: string): string => JSON.stringify(text);
const list =
  (make: Make, most = 3): Make =>
  (random) =>
    `[${Array.from({ length: 1 + random.below(most) }, () => quote(make(random))).join(", ")}]`;
const quoted =
  (make: Make): Make =>
  (random) =>
    quote(make(random));

/** What follows `a:` with the keys of one service. */
const LINES: Readonly<Record<string, Make>> = {
  ports: row("ports: ", list(port)),
  publishedPort: row(
    "ports: [{target: ",
    portNumber,
    ", published: ",
    quoted(portRange),
    ", protocol: ",
    quoted(protocol),
    ", host_ip: ",
    quoted(address),
    "}]",
  ),
  expose: row("expose: ", list(noisy(row(portRange, [0.3, row("/", protocol)])))),
  volumes: row("volumes: ", list(volume, 2)),
  longVolume: row(
    "volumes: [{type: ",
    any("bind", "volume", "tmpfs", "image", "npipe", "cluster"),
    [0.8, row(", source: ", quoted(hostPath))],
    [0.9, row(", target: ", quoted(target))],
    [0.2, ", bind: {create_host_path: false}"],
    [0.2, ", volume: {nocopy: true}"],
    [0.2, ", read_only: true"],
    "}]",
  ),
  command: row(any("command", "entrypoint"), ": ", quoted(commandLine)),
  healthTest: row(
    "healthcheck: {test: ",
    any(quoted(commandLine), list(any("CMD", "CMD-SHELL", "NONE", "x", "", "cmd"))),
    "}",
  ),
  hookCommand: row(any("post_start", "pre_stop"), ": [{command: ", quoted(commandLine), "}]"),
  duration: row(any("stop_grace_period", "pull_refresh_after"), ": ", quoted(duration)),
  interval: row("healthcheck: {test: t, interval: ", quoted(duration), "}"),
  delay: row("deploy: {update_config: {delay: ", quoted(duration), ", max_failure_ratio: ", number, "}}"),
  size: row(any("mem_limit", "shm_size", "mem_reservation", "memswap_limit"), ": ", any(quoted(size), number)),
  memory: row("deploy: {resources: {limits: {memory: ", quoted(size), ", cpus: ", any(number, quoted(amount)), "}}}"),
  tmpfsSize: row(
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: ",
    any(quoted(size), number),
    ", mode: ",
    number,
    "}}]",
  ),
  hosts: row("extra_hosts: ", list(extraHost)),
  hostMap: row("extra_hosts: {", quoted(host), ": ", any(quoted(hostAddress), list(hostAddress)), "}"),
  devices: row("devices: ", list(device)),
  pairs: row(any("environment", "labels", "sysctls", "annotations"), ": ", list(pairText, 4)),
  args: row("build: {context: ., ", any("args", "labels", "ssh", "additional_contexts"), ": ", list(pairText), "}"),
  context: row(
    "build: ",
    quoted(
      any(
        hostPath,
        "https://github.com/x/y.git#b:d",
        "git@github.com:x/y.git",
        "git://x",
        "github.com/x/y",
        "-",
        "ssh://x",
        "http:x",
        "oci://x",
        "https://x/y.tar",
        "target://x",
        "docker-image://a",
      ),
    ),
  ),
  dockerfile: row("build: {context: ", quoted(hostPath), ", dockerfile: ", quoted(target), "}"),
  number: row(
    any(
      "cpus",
      "cpu_shares",
      "cpu_quota",
      "cpu_period",
      "cpu_count",
      "cpu_percent",
      "scale",
      "pids_limit",
      "oom_score_adj",
      "mem_swappiness",
      "mem_limit",
      "cpu_rt_runtime",
    ),
    ": ",
    any(number, quoted(number)),
  ),
  deployNumber: row(
    "deploy: {",
    any("replicas", "resources: {limits: {pids", "placement: {max_replicas_per_node", "restart_policy: {max_attempts"),
    ": ",
    number,
    "}}}",
  ),
  boolean: row(
    any("privileged", "init", "tty", "read_only", "stdin_open", "attach", "oom_kill_disable", "use_api_socket"),
    ": ",
    any(number, quoted(number)),
  ),
  scalarText: row(
    any(
      "image",
      "user",
      "hostname",
      "working_dir",
      "restart",
      "stop_signal",
      "x-y",
      "platform",
      "runtime",
      "ipc",
      "pid",
      "network_mode",
      "uts",
      "userns_mode",
    ),
    ": ",
    any(number, quoted(number), quoted(hostPath)),
  ),
  scalarPair: row(
    any("environment", "labels", "sysctls", "annotations"),
    ": {K: ",
    number,
    ", L: ",
    quoted(number),
    "}",
  ),
  options: row("logging: {driver: d, options: {k: ", number, "}}"),
  ulimits: row("ulimits: {nofile: ", any(number, quoted(number), row("{soft: ", number, ", hard: ", number, "}")), "}"),
  mode: row(
    any("secrets: [{source: sec", "configs: [{source: con"),
    ", mode: ",
    any(number, quoted(number), "0440", "440", '"0440"', "0o440", "'440'", "288"),
    "}]",
  ),
  references: row(
    any("network_mode", "ipc", "pid", "uts"),
    ": ",
    quoted(row(any("service:", "container:", "host", "bridge", "none", "ns:", ""), any("o", "a", "zz", "", "host"))),
  ),
  serviceLists: row(
    any("links", "external_links", "volumes_from", "depends_on"),
    ": ",
    list(row([0.2, "container:"], any("o", "o", "zz", "a"), [0.3, row(":", any("ro", "rw", "alias", ""))])),
  ),
  networks: row(
    "networks: {net: {ipv4_address: ",
    quoted(address),
    ", mac_address: ",
    quoted(any("02:42:ac:11:00:02", "x", "")),
    ", aliases: ",
    list(host),
    "}}",
  ),
  tmpfs: row(
    "tmpfs: ",
    any(quoted(target), list(row(target, [0.4, row(":", any("size=64m", "mode=1777", "ro,size=1"))]))),
  ),
  pull: row(
    "pull_policy: ",
    any(
      "always",
      "never",
      "missing",
      "if_not_present",
      "build",
      "daily",
      "weekly",
      row("every_", duration),
      "refresh",
      "Always",
    ),
  ),
  restart: row(
    "restart: ",
    quoted(
      any(
        "no",
        "always",
        "on-failure",
        "on-failure:3",
        "unless-stopped",
        "on-failure:x",
        "on-failure:",
        "x",
        "on-failure:-1",
      ),
    ),
  ),
  names: row("container_name: ", quoted(noisy(any("abc", "a", "a.b-c_d", "_a", "a b", "é", "1", "ab")))),
  gpus: row(
    "gpus: ",
    any(
      "all",
      "2",
      '"2"',
      "[{count: all, driver: nvidia}]",
      "[{count: 2, capabilities: [gpu]}]",
      "[{device_ids: ['0']}]",
      "[{count: x}]",
      "[{count: -1}]",
      "[{count: '3'}]",
      "[{options: {a: 1}}]",
      "[all]",
    ),
  ),
  uniques: row(
    any(
      "cap_add",
      "cap_drop",
      "security_opt",
      "dns_opt",
      "dns_search",
      "dns",
      "group_add",
      "expose",
      "device_cgroup_rules",
      "profiles",
      "tmpfs",
      "label_file",
      "env_file",
    ),
    ": ",
    list(any("a", "b", "A", "1", "1", "", "a b", "c:x"), 4),
  ),
  project: row(
    "image: i\nname: ",
    any(number, quoted(noisy(any("abc", "Abc", "a-b_c", "a.b", "-a", "_a", "1a", "${NUMBER}x", "")))),
  ),
};

export function formCase(random: Random): Stack {
  const make = random.pick(Object.values(LINES));
  const line = make(random);
  const [own = "", ...others] = line.split("\n");
  const text = [
    "services:",
    "  o: {image: img}",
    "  a:",
    ...(own.startsWith("image:") ? [] : ["    image: img"]),
    `    ${own}`,
    "networks: {net: {ipam: {config: [{subnet: 10.9.0.0/16}]}}}",
    "volumes: {v: , my-vol: , data: }",
    "secrets: {sec: {file: f}}",
    "configs: {con: {file: f}}",
    ...others,
  ].join("\n");
  return {
    files: { "compose.yaml": `${text}\n`, a: "A=1\n", b: "B=1\nA=2\n" },
    composeFiles: ["compose.yaml"],
    environment: { EMPTY: "", NUMBER: "7" },
    profiles: [],
  };
}
