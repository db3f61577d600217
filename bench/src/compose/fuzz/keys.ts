// Every place of a compose file, crossed with every kind of value.
import type { Stack } from "../tool.ts";

const VALUES: readonly string[] = [
  "word",
  '"5"',
  "5",
  "0",
  "-1",
  "1.5",
  "2.0",
  "true",
  '"true"',
  "",
  '""',
  "~",
  "[]",
  "[b]",
  '["k=v", other]',
  "[b, b]",
  "[1, 2.5]",
  "[true]",
  "[null]",
  '[""]',
  "[[b]]",
  "[{k: v}]",
  "[{}]",
  "{}",
  "{k: v}",
  "{k: 1}",
  "{k: 1.5}",
  "{k: true}",
  "{k: }",
  '{k: ""}',
  "{k: [v]}",
  "{k: {}}",
  "{k: {l: v}}",
  "{x-k: v}",
  "{1: v}",
  "10s",
  "64m",
  "2024-01-31",
  "${EMPTY}",
  "${NUMBER}",
  "${YES}",
  "${UNSET:-}",
  "0o17",
  "1e3",
  ".inf",
  ".nan",
  "!!str 5",
  "99999999999999999999",
];

/** One line a place: keys parted by dots; `-` is an item of a list. What stands in brackets goes beside the last key. */
const PLACES = `
version name include services networks volumes secrets configs models x-any
include.- include.-.path include.-.project_directory[path: inc.yaml] include.-.env_file[path: inc.yaml] include.-.other[path: inc.yaml]
services.b services.b.image
services.a.annotations services.a.attach services.a.blkio_config services.a.blkio_config.weight services.a.blkio_config.weight_device services.a.blkio_config.weight_device.-
services.a.blkio_config.weight_device.-.path services.a.blkio_config.weight_device.-.weight[path: /d] services.a.blkio_config.device_read_bps
services.a.blkio_config.device_read_bps.- services.a.blkio_config.device_read_bps.-.rate[path: /d] services.a.blkio_config.device_write_iops.-.rate[path: /d] services.a.blkio_config.device_write_bps.-.path[rate: 5]
services.a.build services.a.build.context services.a.build.dockerfile services.a.build.dockerfile_inline services.a.build.entitlements services.a.build.args services.a.build.ssh services.a.build.labels
services.a.build.cache_from services.a.build.cache_to services.a.build.no_cache services.a.build.additional_contexts services.a.build.network services.a.build.provenance services.a.build.sbom services.a.build.pull
services.a.build.target services.a.build.shm_size services.a.build.extra_hosts services.a.build.isolation services.a.build.privileged services.a.build.secrets services.a.build.tags services.a.build.ulimits
services.a.build.platforms services.a.build.args.K services.a.build.secrets.- services.a.build.ulimits.nofile services.a.build.secrets.-.source services.a.build.secrets.-.mode[source: sec] services.a.build.additional_contexts.k
services.a.cap_add services.a.cap_drop services.a.cgroup services.a.cgroup_parent services.a.command services.a.command.- services.a.configs services.a.configs.- services.a.configs.-.source services.a.configs.-.target[source: con]
services.a.configs.-.uid[source: con] services.a.configs.-.gid[source: con] services.a.configs.-.mode[source: con] services.a.container_name services.a.cpu_count services.a.cpu_percent services.a.cpu_shares
services.a.cpu_quota services.a.cpu_period services.a.cpu_rt_period services.a.cpu_rt_runtime services.a.cpus services.a.cpuset services.a.credential_spec services.a.credential_spec.config services.a.credential_spec.file services.a.credential_spec.registry
services.a.depends_on services.a.depends_on.- services.a.depends_on.o services.a.depends_on.o.condition services.a.depends_on.o.restart[condition: service_started] services.a.depends_on.o.required[condition: service_started]
services.a.deploy services.a.deploy.mode services.a.deploy.endpoint_mode services.a.deploy.replicas services.a.deploy.labels services.a.deploy.update_config services.a.deploy.update_config.parallelism services.a.deploy.update_config.delay
services.a.deploy.update_config.failure_action services.a.deploy.update_config.monitor services.a.deploy.update_config.max_failure_ratio services.a.deploy.update_config.order services.a.deploy.rollback_config services.a.deploy.rollback_config.delay
services.a.deploy.resources services.a.deploy.resources.limits services.a.deploy.resources.limits.cpus services.a.deploy.resources.limits.memory services.a.deploy.resources.limits.pids services.a.deploy.resources.reservations
services.a.deploy.resources.reservations.cpus services.a.deploy.resources.reservations.memory services.a.deploy.resources.reservations.generic_resources services.a.deploy.resources.reservations.generic_resources.-
services.a.deploy.resources.reservations.generic_resources.-.discrete_resource_spec services.a.deploy.resources.reservations.generic_resources.-.discrete_resource_spec.kind services.a.deploy.resources.reservations.generic_resources.-.discrete_resource_spec.value
services.a.deploy.resources.reservations.devices services.a.deploy.resources.reservations.devices.- services.a.deploy.resources.reservations.devices.-.capabilities services.a.deploy.resources.reservations.devices.-.count[capabilities: [gpu]]
services.a.deploy.resources.reservations.devices.-.device_ids[capabilities: [gpu]] services.a.deploy.resources.reservations.devices.-.driver[capabilities: [gpu]] services.a.deploy.resources.reservations.devices.-.options[capabilities: [gpu]]
services.a.deploy.restart_policy services.a.deploy.restart_policy.condition services.a.deploy.restart_policy.delay services.a.deploy.restart_policy.max_attempts services.a.deploy.restart_policy.window
services.a.deploy.placement services.a.deploy.placement.constraints services.a.deploy.placement.preferences services.a.deploy.placement.preferences.- services.a.deploy.placement.preferences.-.spread services.a.deploy.placement.max_replicas_per_node
services.a.develop services.a.develop.watch services.a.develop.watch.- services.a.develop.watch.-.path[action: rebuild] services.a.develop.watch.-.action[path: .] services.a.develop.watch.-.target[path: ., action: sync] services.a.develop.watch.-.ignore[path: ., action: rebuild]
services.a.develop.watch.-.include[path: ., action: rebuild] services.a.develop.watch.-.exec[path: ., action: rebuild] services.a.develop.watch.-.initial_sync[path: ., action: rebuild] services.a.develop.watch.-.exec.command[path: ., action: rebuild]
services.a.device_cgroup_rules services.a.devices services.a.devices.- services.a.devices.-.source services.a.devices.-.target[source: /d] services.a.devices.-.permissions[source: /d] services.a.dns services.a.dns_opt services.a.dns_search services.a.domainname
services.a.entrypoint services.a.env_file services.a.env_file.- services.a.env_file.-.path services.a.env_file.-.required[path: e.env] services.a.env_file.-.format[path: e.env] services.a.environment services.a.environment.K services.a.environment.-
services.a.expose services.a.expose.- services.a.extends services.a.extends.service services.a.extends.file[service: o] services.a.external_links services.a.extra_hosts services.a.extra_hosts.k services.a.extra_hosts.-
services.a.gpus services.a.gpus.- services.a.gpus.-.count services.a.gpus.-.capabilities services.a.gpus.-.options services.a.gpus.-.device_ids services.a.group_add services.a.group_add.- services.a.healthcheck services.a.healthcheck.test services.a.healthcheck.interval services.a.healthcheck.timeout
services.a.healthcheck.retries services.a.healthcheck.start_period services.a.healthcheck.start_interval services.a.healthcheck.disable services.a.hostname services.a.image services.a.init services.a.ipc services.a.isolation services.a.label_file services.a.label_file.-
services.a.labels services.a.labels.K services.a.labels.- services.a.links services.a.links.- services.a.logging services.a.logging.driver services.a.logging.options services.a.logging.options.k services.a.mac_address services.a.mem_limit services.a.mem_reservation services.a.mem_swappiness
services.a.memswap_limit services.a.models services.a.models.mo services.a.models.mo.endpoint_var services.a.models.mo.model_var services.a.network_mode services.a.networks services.a.networks.- services.a.networks.net services.a.networks.net.aliases services.a.networks.net.ipv4_address
services.a.networks.net.ipv6_address services.a.networks.net.link_local_ips services.a.networks.net.mac_address services.a.networks.net.driver_opts services.a.networks.net.driver_opts.k services.a.networks.net.priority services.a.networks.net.gw_priority services.a.networks.net.interface_name
services.a.oom_kill_disable services.a.oom_score_adj services.a.pid services.a.pids_limit services.a.platform services.a.ports services.a.ports.- services.a.ports.-.target services.a.ports.-.published[target: 80] services.a.ports.-.protocol[target: 80] services.a.ports.-.mode[target: 80]
services.a.ports.-.host_ip[target: 80] services.a.ports.-.name[target: 80] services.a.ports.-.app_protocol[target: 80] services.a.post_start services.a.post_start.- services.a.post_start.-.command services.a.post_start.-.user[command: c] services.a.post_start.-.privileged[command: c]
services.a.post_start.-.working_dir[command: c] services.a.post_start.-.environment[command: c] services.a.pre_stop services.a.pre_stop.- services.a.pre_stop.-.command services.a.privileged services.a.profiles services.a.profiles.- services.a.provider services.a.provider.type services.a.provider.options[type: t]
services.a.provider.options.k[type: t] services.a.pull_policy services.a.pull_refresh_after services.a.read_only services.a.restart services.a.runtime services.a.scale services.a.secrets services.a.secrets.- services.a.secrets.-.source services.a.secrets.-.target[source: sec]
services.a.secrets.-.mode[source: sec] services.a.secrets.-.uid[source: sec] services.a.security_opt services.a.shm_size services.a.stdin_open services.a.stop_grace_period services.a.stop_signal services.a.storage_opt services.a.storage_opt.k services.a.sysctls services.a.sysctls.k services.a.sysctls.-
services.a.tmpfs services.a.tmpfs.- services.a.tty services.a.ulimits services.a.ulimits.nofile services.a.ulimits.nofile.soft[hard: 9] services.a.ulimits.nofile.hard[soft: 1] services.a.use_api_socket services.a.user services.a.userns_mode services.a.uts services.a.volumes services.a.volumes.-
services.a.volumes.-.type services.a.volumes.-.source[type: bind, target: /t] services.a.volumes.-.source[type: volume, target: /t] services.a.volumes.-.target[type: volume] services.a.volumes.-.target[type: bind, source: /s] services.a.volumes.-.read_only[type: volume, target: /t] services.a.volumes.-.consistency[type: volume, target: /t]
services.a.volumes.-.bind[type: bind, source: /s, target: /t] services.a.volumes.-.bind.propagation[type: bind, source: /s, target: /t] services.a.volumes.-.bind.create_host_path[type: bind, source: /s, target: /t] services.a.volumes.-.bind.recursive services.a.volumes.-.bind.selinux services.a.volumes.-.volume[type: volume, target: /t]
services.a.volumes.-.volume.nocopy services.a.volumes.-.volume.subpath services.a.volumes.-.volume.labels services.a.volumes.-.tmpfs[type: tmpfs, target: /t] services.a.volumes.-.tmpfs.size services.a.volumes.-.tmpfs.mode services.a.volumes.-.image[type: image, source: i, target: /t] services.a.volumes.-.image.subpath
services.a.volumes_from services.a.working_dir services.a.x-any services.a.unknown
networks.n networks.n.name networks.n.driver networks.n.driver_opts networks.n.driver_opts.k networks.n.ipam networks.n.ipam.driver networks.n.ipam.config networks.n.ipam.config.- networks.n.ipam.config.-.subnet networks.n.ipam.config.-.gateway networks.n.ipam.config.-.ip_range
networks.n.ipam.config.-.aux_addresses networks.n.ipam.config.-.aux_addresses.k networks.n.ipam.options networks.n.ipam.options.k networks.n.external networks.n.external.name networks.n.internal networks.n.enable_ipv4 networks.n.enable_ipv6 networks.n.attachable networks.n.labels networks.n.unknown
volumes.v volumes.v.name volumes.v.driver volumes.v.driver_opts volumes.v.driver_opts.k volumes.v.external volumes.v.external.name volumes.v.labels volumes.v.labels.k
secrets.s secrets.s.name secrets.s.environment secrets.s.file secrets.s.external secrets.s.external.name secrets.s.labels secrets.s.driver[file: f] secrets.s.driver_opts[file: f] secrets.s.template_driver[file: f] secrets.s.content[file: f]
configs.c configs.c.name[file: f] configs.c.content configs.c.environment configs.c.file configs.c.external configs.c.external.name configs.c.labels[file: f] configs.c.template_driver[file: f]
models.m models.m.name[model: x] models.m.model models.m.context_size[model: x] models.m.runtime_flags[model: x] models.m.runtime_flags.-
`;

const BASE = { a: "image: img", o: "image: img" };
const SECTIONS: Readonly<Record<string, string>> = {
  networks: "{net: {}}",
  secrets: "{sec: {file: f}}",
  configs: "{con: {file: f}}",
  models: "{mo: {model: x}}",
};
const FILES = {
  "inc.yaml": "services: {i: {image: j}}\n",
  "e.env": "E=1\n",
  word: "W=1\n",
  f: "content\n",
  b: "B=1\n",
};

function places(): string[] {
  const found: string[] = [];
  let depth = 0;
  let place = "";
  for (const character of `${PLACES} `) {
    if (/\s/.test(character) && depth === 0) {
      if (place !== "") found.push(place);
      place = "";
      continue;
    }
    if (character === "[") depth += 1;
    if (character === "]") depth -= 1;
    place += character;
  }
  return found;
}

const ALL_PLACES = places();

/** How many cases there are; a run takes any of them by number. */
export const KEY_CASES: number = ALL_PLACES.length * VALUES.length;

export function keyCase(index: number): Stack {
  const place = ALL_PLACES[Math.floor(index / VALUES.length)] ?? "";
  return stackOf(place, VALUES[index % VALUES.length] ?? "");
}

function stackOf(place: string, value: string): Stack {
  const bracket = place.indexOf("[");
  const beside = bracket === -1 ? "" : place.slice(bracket + 1, -1);
  const parts = (bracket === -1 ? place : place.slice(0, bracket)).split(".");
  let text = value;
  for (const [i, part] of [...parts.entries()].toReversed()) {
    if (i < 2) break;
    const inner = beside !== "" && i === parts.length - 1 ? `, ${beside}` : "";
    text = part === "-" ? `[${text}]` : `{${part}: ${text}${inner}}`;
  }
  return {
    files: { ...FILES, "compose.yaml": document(parts, text) },
    composeFiles: ["compose.yaml"],
    environment: { EMPTY: "", NUMBER: "7", YES: "yes" },
    profiles: [],
  };
}

function document([section = "", name, key]: readonly string[], text: string): string {
  const lines: string[] = [];
  if (section !== "services") lines.push(`services: {a: {${BASE.a}}}`);
  else if (name === undefined) lines.push(`services: ${text}`);
  else {
    lines.push("services:");
    if (name !== "a") lines.push(`  a: {${BASE.a}}`);
    lines.push(`  o: {${BASE.o}}`);
    const own = key === "image" ? "" : `${BASE.a}, `;
    lines.push(`  ${name}: ${key === undefined ? text : `{${own}${text.slice(1, -1)}}`}`);
  }
  for (const [known, content] of Object.entries(SECTIONS)) {
    if (known !== section) lines.push(`${known}: ${content}`);
  }
  if (section !== "services") lines.push(`${section}: ${name === undefined ? text : wrapped(name, text)}`);
  return `${lines.join("\n")}\n`;
}

function wrapped(name: string, text: string): string {
  return name === "-" ? `[${text}]` : `{${name}: ${text}}`;
}
