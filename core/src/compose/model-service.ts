import type { ComposeBuild, ComposeDeploy, ComposeDevelop, ComposeDeviceRequest } from "./model-deploy.ts";

/** Number of bytes written in decimal digits, as `docker compose config` prints sizes (`"67108864"`); `"-1"` means without limit. */
export type ByteSizeText = string;

/** A Go duration such as `1m30s`, `500ms` or `0s`; {@link parseGoDuration} reads it. */
export type GoDurationText = string;

/** A published port in long form. `published` may be a range `"8000-8010"`; absent means that the engine picks one. */
export interface ComposePort {
  name?: string;
  mode?: string;
  host_ip?: string;
  target: number;
  published?: string;
  protocol?: string;
  app_protocol?: string;
}

/** A mount in long form. Relative sources were resolved against the working directory. */
export interface ComposeServiceVolume {
  type: "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
  /** Host path (bind) or volume key (volume); absent for an anonymous volume. */
  source?: string;
  target: string;
  read_only?: boolean;
  consistency?: string;
  bind?: {
    selinux?: string;
    propagation?: string;
    create_host_path?: boolean;
    recursive?: string;
  };
  volume?: { labels?: Record<string, string>; nocopy?: boolean; subpath?: string };
  tmpfs?: { size?: ByteSizeText; mode?: number };
  image?: { subpath?: string };
}

export interface ComposeServiceNetwork {
  aliases?: string[];
  driver_opts?: Record<string, string>;
  gw_priority?: number;
  interface_name?: string;
  ipv4_address?: string;
  ipv6_address?: string;
  link_local_ips?: string[];
  mac_address?: string;
  priority?: number;
}

export type DependencyCondition = "service_started" | "service_healthy" | "service_completed_successfully";

export interface ComposeDependency {
  condition: DependencyCondition;
  /** Restart this service when the one it depends on is restarted or recreated. */
  restart?: boolean;
  /** False: the absence of the other service (inactive profile) is only worth a warning. */
  required: boolean;
}

export interface ComposeHealthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", line]`. */
  test?: string[];
  timeout?: GoDurationText;
  interval?: GoDurationText;
  retries?: number;
  start_period?: GoDurationText;
  start_interval?: GoDurationText;
  disable?: boolean;
}

/** Use of a secret or config by a service. `mode` is an octal text such as `"0440"`. */
export interface ComposeFileReference {
  source: string;
  target?: string;
  uid?: string;
  gid?: string;
  mode?: string;
}

export interface ComposeDevice {
  source: string;
  target?: string;
  permissions?: string;
}

export interface ComposeUlimit {
  single?: number;
  soft?: number;
  hard?: number;
}

export interface ComposeEnvFile {
  path: string;
  required: boolean;
  format?: string;
}

export interface ComposeHook {
  command?: string[] | null;
  user?: string;
  privileged?: boolean;
  working_dir?: string;
  environment?: Record<string, string | null>;
}

/** Capital letters, as docker compose prints these two. */
export interface ComposeWeightDevice {
  Path: string;
  Weight: number;
}

/** Bytes or operations a second, as decimal digits. */
export interface ComposeThrottleDevice {
  Path: string;
  Rate: ByteSizeText;
}

export interface ComposeBlkio {
  weight?: number;
  weight_device?: ComposeWeightDevice[];
  device_read_bps?: ComposeThrottleDevice[];
  device_read_iops?: ComposeThrottleDevice[];
  device_write_bps?: ComposeThrottleDevice[];
  device_write_iops?: ComposeThrottleDevice[];
}

export interface ComposeProvider {
  type: string;
  options?: Record<string, string[]>;
}

export interface ComposeServiceModel {
  endpoint_var?: string;
  model_var?: string;
}

/** One service, every key in the normal form of `docker compose config --format json`. */
export interface ComposeService {
  annotations?: Record<string, string>;
  attach?: boolean;
  blkio_config?: ComposeBlkio;
  build?: ComposeBuild;
  cap_add?: string[];
  cap_drop?: string[];
  cgroup?: string;
  cgroup_parent?: string;
  /** Null: the image's own command. */
  command: string[] | null;
  configs?: ComposeFileReference[];
  container_name?: string;
  cpu_count?: number;
  cpu_percent?: number;
  cpu_period?: number;
  cpu_quota?: number;
  cpu_rt_period?: number;
  cpu_rt_runtime?: number;
  cpu_shares?: number;
  cpus?: number;
  cpuset?: string;
  credential_spec?: { config?: string; file?: string; registry?: string };
  depends_on?: Record<string, ComposeDependency>;
  deploy?: ComposeDeploy;
  develop?: ComposeDevelop;
  device_cgroup_rules?: string[];
  devices?: ComposeDevice[];
  dns?: string[];
  dns_opt?: string[];
  dns_search?: string[];
  domainname?: string;
  /** Null: the image's own entrypoint. */
  entrypoint: string[] | null;
  env_file?: ComposeEnvFile[];
  /** A null value removes a variable that the image sets. */
  environment?: Record<string, string | null>;
  expose?: string[];
  /** Left only where the extended service is empty, as docker compose does. */
  extends?: { file?: string; service: string };
  external_links?: string[];
  /** `name=address` each. */
  extra_hosts?: string[];
  gpus?: ComposeDeviceRequest[];
  group_add?: string[];
  healthcheck?: ComposeHealthcheck;
  hostname?: string;
  image?: string;
  init?: boolean;
  ipc?: string;
  isolation?: string;
  label_file?: string[];
  labels?: Record<string, string>;
  links?: string[];
  logging?: { driver?: string; options?: Record<string, string> };
  mac_address?: string;
  mem_limit?: ByteSizeText;
  mem_reservation?: ByteSizeText;
  mem_swappiness?: ByteSizeText;
  memswap_limit?: ByteSizeText;
  models?: Record<string, ComposeServiceModel | null>;
  network_mode?: string;
  networks?: Record<string, ComposeServiceNetwork | null>;
  oom_kill_disable?: boolean;
  oom_score_adj?: number;
  pid?: string;
  pids_limit?: number;
  platform?: string;
  ports?: ComposePort[];
  post_start?: ComposeHook[];
  pre_start?: ComposeHook[];
  pre_stop?: ComposeHook[];
  privileged?: boolean;
  profiles?: string[];
  provider?: ComposeProvider;
  pull_policy?: string;
  read_only?: boolean;
  restart?: string;
  runtime?: string;
  scale?: number;
  secrets?: ComposeFileReference[];
  security_opt?: string[];
  shm_size?: ByteSizeText;
  stdin_open?: boolean;
  stop_grace_period?: GoDurationText;
  stop_signal?: string;
  storage_opt?: Record<string, string>;
  sysctls?: Record<string, string>;
  tmpfs?: string[];
  tty?: boolean;
  /** A bare number sets soft and hard alike. */
  ulimits?: Record<string, number | ComposeUlimit>;
  use_api_socket?: boolean;
  user?: string;
  userns_mode?: string;
  uts?: string;
  volumes?: ComposeServiceVolume[];
  volumes_from?: string[];
  working_dir?: string;
}
