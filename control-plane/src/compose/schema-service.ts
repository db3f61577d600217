import {
  ANY_KEY,
  blkio,
  command,
  decimal,
  duration,
  fileReferences,
  gpus,
  hook,
  hosts,
  listOfText,
  NAME,
  options,
  pairs,
  text,
  textOrList,
  ulimits,
  wholeNumber,
  yesOrNo,
} from "./schema-common.ts";
import { build, deploy, develop } from "./schema-deploy.ts";
import {
  between,
  choice,
  keys,
  list,
  type MapSchema,
  named,
  oneOf,
  onlyKeys,
  plain,
  type Schema,
  uniqueList,
} from "./schema-type.ts";

const dependencies = choice(
  uniqueList(text),
  named(
    NAME,
    keys(
      {
        restart: yesOrNo,
        required: plain("boolean"),
        condition: oneOf("service_started", "service_healthy", "service_completed_successfully"),
      },
      ["condition"],
    ),
  ),
);

const envFile = choice(
  plain("string"),
  list(choice(plain("string"), onlyKeys({ path: text, format: text, required: yesOrNo }, ["path"]))),
);

const networks = choice(
  uniqueList(text),
  named(
    NAME,
    choice(
      plain("null"),
      keys({
        aliases: listOfText,
        interface_name: text,
        ipv4_address: text,
        ipv6_address: text,
        link_local_ips: listOfText,
        mac_address: text,
        driver_opts: options,
        priority: plain("number"),
        gw_priority: plain("number"),
      }),
    ),
  ),
);

const ports = uniqueList(
  choice(
    plain("number", "string"),
    keys({
      name: text,
      mode: text,
      host_ip: text,
      target: wholeNumber,
      published: wholeNumber,
      protocol: text,
      app_protocol: text,
    }),
  ),
);

const volumes = uniqueList(
  choice(
    plain("string"),
    keys(
      {
        type: oneOf("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
        source: text,
        target: text,
        read_only: yesOrNo,
        consistency: text,
        bind: keys({
          propagation: text,
          create_host_path: yesOrNo,
          recursive: oneOf("enabled", "disabled", "writable", "readonly"),
          selinux: oneOf("z", "Z"),
        }),
        volume: keys({ labels: pairs, nocopy: yesOrNo, subpath: text }),
        tmpfs: keys({
          size: between(0, Infinity, "integer", "string"),
          mode: decimal,
        }),
        image: keys({ subpath: text }),
      },
      ["type"],
    ),
  ),
);

const healthcheck = keys({
  disable: yesOrNo,
  interval: duration,
  retries: decimal,
  test: choice(plain("string"), list(text)),
  timeout: duration,
  start_period: duration,
  start_interval: duration,
});

const provider = keys(
  {
    type: text,
    options: named(
      ANY_KEY,
      choice(plain("string", "number", "boolean"), list(plain("string", "number", "boolean"))),
      true,
    ),
  },
  ["type"],
);

const models = choice(
  uniqueList(text),
  named(NAME, choice(plain("null"), keys({ endpoint_var: text, model_var: text }))),
);

const pullPolicy: Schema = {
  kind: "plain",
  types: ["string"],
  // The schema asks only that one of them stands in it.
  pattern: /always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+/,
};

/** Every key of a service in the current Compose specification. */
export const service: MapSchema = keys({
  annotations: pairs,
  attach: yesOrNo,
  blkio_config: blkio,
  build,
  cap_add: uniqueList(text),
  cap_drop: uniqueList(text),
  cgroup: oneOf("host", "private"),
  cgroup_parent: text,
  command,
  configs: fileReferences,
  container_name: { kind: "plain", types: ["string"], pattern: /[a-zA-Z0-9][a-zA-Z0-9_.-]+/ },
  cpu_count: between(0, Infinity, "integer", "string"),
  cpu_percent: between(0, 100, "integer", "string"),
  cpu_period: decimal,
  cpu_quota: decimal,
  cpu_rt_period: decimal,
  cpu_rt_runtime: decimal,
  cpu_shares: decimal,
  cpus: decimal,
  cpuset: text,
  credential_spec: keys({ config: text, file: text, registry: text }),
  depends_on: dependencies,
  deploy,
  develop,
  device_cgroup_rules: listOfText,
  devices: list(choice(plain("string"), keys({ source: text, target: text, permissions: text }, ["source"]))),
  dns: textOrList,
  dns_opt: uniqueList(text),
  dns_search: textOrList,
  domainname: text,
  entrypoint: command,
  env_file: envFile,
  environment: pairs,
  expose: uniqueList(plain("string", "number")),
  extends: choice(plain("string"), onlyKeys({ service: text, file: text }, ["service"])),
  external_links: uniqueList(text),
  extra_hosts: hosts,
  gpus,
  group_add: uniqueList(plain("string", "number")),
  healthcheck,
  hostname: text,
  image: text,
  init: yesOrNo,
  ipc: text,
  isolation: text,
  label_file: choice(plain("string"), list(text)),
  labels: pairs,
  links: uniqueList(text),
  logging: keys({
    driver: text,
    options: named(ANY_KEY, plain("string", "number", "null"), true),
  }),
  mac_address: text,
  mem_limit: decimal,
  mem_reservation: wholeNumber,
  mem_swappiness: wholeNumber,
  memswap_limit: decimal,
  models,
  network_mode: text,
  networks,
  oom_kill_disable: yesOrNo,
  oom_score_adj: between(-1000, 1000, "integer", "string"),
  pid: plain("string", "null"),
  pids_limit: decimal,
  platform: text,
  ports,
  post_start: list(hook),
  pre_start: list(hook),
  pre_stop: list(hook),
  privileged: yesOrNo,
  profiles: listOfText,
  provider,
  pull_policy: pullPolicy,
  pull_refresh_after: text,
  read_only: yesOrNo,
  restart: text,
  runtime: text,
  scale: wholeNumber,
  secrets: fileReferences,
  security_opt: uniqueList(text),
  shm_size: decimal,
  stdin_open: yesOrNo,
  stop_grace_period: duration,
  stop_signal: text,
  storage_opt: named(ANY_KEY, { kind: "any" }, true),
  sysctls: pairs,
  tmpfs: textOrList,
  tty: yesOrNo,
  ulimits,
  use_api_socket: plain("boolean"),
  user: text,
  userns_mode: text,
  uts: text,
  volumes,
  volumes_from: uniqueList(text),
  working_dir: text,
});
