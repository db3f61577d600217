import type { ComposeModel, ComposeService } from "@windflow/core";
import { isNull, type MapNode, member, type Node, stringOf } from "./node.ts";
import { errorAt, type Problem } from "./problem.ts";
import {
  blkio,
  build,
  command,
  deploy,
  develop,
  deviceRequests,
  fileReferences,
  healthcheck,
  hook,
  hosts,
  mount,
  provider,
  ulimits,
} from "./shape-parts.ts";
import {
  choiceFlag,
  count,
  flag,
  float32,
  listOf,
  mapOf,
  namedTexts,
  natural,
  pairs,
  positive,
  record,
  type Shape,
  type ShapeContext,
  size,
  span,
  text,
  textOrTexts,
  texts,
  toJson,
  variables,
} from "./shape-type.ts";

const environment: Shape = (node, context) => {
  reportTrailingSpaces(node, context);
  return variables(node, context);
};

const service: Shape = record(
  {
    annotations: pairs,
    attach: choiceFlag,
    blkio_config: blkio,
    build,
    cap_add: texts,
    cap_drop: texts,
    cgroup: text,
    cgroup_parent: text,
    command,
    configs: fileReferences,
    container_name: text,
    cpu_count: count,
    cpu_percent: float32,
    cpu_period: count,
    cpu_quota: count,
    cpu_rt_period: count,
    cpu_rt_runtime: count,
    cpu_shares: count,
    cpus: float32,
    cpuset: text,
    credential_spec: record({ config: text, file: text, registry: text }),
    depends_on: mapOf(record({ condition: text, restart: flag, required: choiceFlag }, { required: false })),
    deploy,
    develop,
    device_cgroup_rules: texts,
    devices: listOf(record({ source: text, target: text, permissions: text })),
    dns: textOrTexts,
    dns_opt: texts,
    dns_search: textOrTexts,
    domainname: text,
    entrypoint: command,
    env_file: listOf(record({ path: text, required: choiceFlag, format: text })),
    environment,
    expose: texts,
    // Only an extends of an empty service is still there.
    extends: record({ file: text, service: text }),
    external_links: texts,
    extra_hosts: hosts,
    gpus: deviceRequests,
    group_add: texts,
    healthcheck,
    hostname: text,
    image: text,
    init: choiceFlag,
    ipc: text,
    isolation: text,
    label_file: texts,
    labels: pairs,
    links: texts,
    logging: record({ driver: text, options: pairs }),
    mac_address: text,
    mem_limit: size,
    mem_reservation: size,
    mem_swappiness: size,
    memswap_limit: size,
    models: mapOf(record({ endpoint_var: text, model_var: text })),
    network_mode: text,
    networks: mapOf(
      record({
        aliases: texts,
        driver_opts: pairs,
        gw_priority: count,
        interface_name: text,
        ipv4_address: text,
        ipv6_address: text,
        link_local_ips: texts,
        mac_address: text,
        priority: count,
      }),
    ),
    oom_kill_disable: flag,
    oom_score_adj: count,
    pid: text,
    pids_limit: count,
    platform: text,
    ports: listOf(
      record({
        name: text,
        mode: text,
        host_ip: text,
        target: positive,
        published: text,
        protocol: text,
        app_protocol: text,
      }),
    ),
    post_start: listOf(hook),
    pre_start: listOf(hook),
    pre_stop: listOf(hook),
    privileged: flag,
    profiles: texts,
    provider,
    pull_policy: text,
    read_only: flag,
    restart: text,
    runtime: text,
    scale: natural,
    secrets: fileReferences,
    security_opt: texts,
    shm_size: size,
    stdin_open: flag,
    stop_grace_period: span,
    stop_signal: text,
    storage_opt: namedTexts,
    sysctls: pairs,
    tmpfs: textOrTexts,
    tty: flag,
    ulimits,
    use_api_socket: flag,
    user: text,
    userns_mode: text,
    uts: text,
    volumes: listOf(mount),
    volumes_from: texts,
    working_dir: text,
  },
  { command: null, entrypoint: null },
);

const network: Shape = record(
  {
    name: text,
    driver: text,
    driver_opts: pairs,
    ipam: record({
      driver: text,
      config: listOf(record({ subnet: text, gateway: text, ip_range: text, aux_addresses: pairs })),
    }),
    external: flag,
    internal: flag,
    attachable: flag,
    labels: pairs,
    enable_ipv4: choiceFlag,
    enable_ipv6: choiceFlag,
  },
  { ipam: {} },
);

const volume: Shape = record({
  name: text,
  driver: text,
  driver_opts: pairs,
  external: flag,
  labels: pairs,
});

const fileObject: Shape = record({
  name: text,
  file: text,
  environment: text,
  content: text,
  external: flag,
  labels: pairs,
  driver: text,
  driver_opts: pairs,
  template_driver: text,
});

const languageModel: Shape = record({
  name: text,
  model: text,
  context_size: count,
  runtime_flags: texts,
});

const SECTIONS: Readonly<Record<string, Shape>> = {
  networks: mapOf(network),
  volumes: mapOf(volume),
  secrets: mapOf(fileObject),
  configs: mapOf(fileObject),
  models: mapOf(languageModel),
};

/** The normalised model as plain values. Reports values that no key takes. */
export function shapeModel(model: MapNode, projectName: string, report: (problem: Problem) => void): ComposeModel {
  const named = member(model, "services");
  // Built from entries, so that a service may have any name, even that of a prototype's member.
  const services = Object.fromEntries(
    [...(named?.kind === "map" ? named.entries : [])].map(([name, node]) => [
      name,
      service(node, { path: ["services", name], report }),
    ]),
  );
  const shaped: Record<string, unknown> = { name: projectName, services };
  for (const [key, node] of model.entries) {
    const section = Object.hasOwn(SECTIONS, key) ? SECTIONS[key] : undefined;
    const value = (key.startsWith("x-") ? toJson : section)?.(node, { path: [key], report });
    if (value !== undefined) shaped[key] = value;
  }
  // The shapes above build exactly these types, which the compiler cannot see through.
  return shaped as unknown as ComposeModel & { services: Record<string, ComposeService> };
}

function reportTrailingSpaces(node: Node, context: ShapeContext): void {
  const names = node.kind === "seq" ? node.items.map((item) => ({ name: nameOf(item), at: item.at })) : [];
  for (const { name, at } of names) {
    if (!/\s$/.test(name)) continue;
    context.report(
      errorAt("WF_COMPOSE_SYNTAX", at, context.path, {
        what: `the variable "${name}" ends with a space`,
        why: "no program would find a variable of that name",
        fix: "remove the space before the equals sign",
      }),
    );
  }
}

function nameOf(item: Node): string {
  return isNull(item) ? "" : ((stringOf(item) ?? "").split("=", 1)[0] ?? "");
}
