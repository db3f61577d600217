import type { ByteSizeText, ComposeHook, ComposeUlimit, GoDurationText } from "./model-service.ts";

export interface ComposeDeviceRequest {
  capabilities?: string[];
  driver?: string;
  /** -1 means all devices. */
  count?: number;
  device_ids?: string[];
  options?: Record<string, string>;
}

export interface ComposeGenericResource {
  discrete_resource_spec?: { kind?: string; value?: number };
}

export interface ComposeResource {
  /** Cores; a fraction is allowed. */
  cpus?: number;
  memory?: ByteSizeText;
  pids?: number;
  devices?: ComposeDeviceRequest[];
  generic_resources?: ComposeGenericResource[];
}

export interface ComposeUpdateConfig {
  parallelism?: number;
  delay?: GoDurationText;
  failure_action?: string;
  monitor?: GoDurationText;
  max_failure_ratio?: number;
  order?: string;
}

export interface ComposeDeploy {
  mode?: string;
  replicas?: number;
  labels?: Record<string, string>;
  update_config?: ComposeUpdateConfig;
  rollback_config?: ComposeUpdateConfig;
  resources?: { limits?: ComposeResource; reservations?: ComposeResource };
  restart_policy?: {
    condition?: string;
    delay?: GoDurationText;
    max_attempts?: number;
    window?: GoDurationText;
  };
  placement?: {
    constraints?: string[];
    preferences?: { spread?: string }[];
    max_replicas_per_node?: number;
  };
  endpoint_mode?: string;
}

export interface ComposeBuildSecret {
  source: string;
  target?: string;
  uid?: string;
  gid?: string;
  mode?: string;
}

export interface ComposeBuild {
  context?: string;
  dockerfile?: string;
  dockerfile_inline?: string;
  entitlements?: string[];
  args?: Record<string, string | null>;
  provenance?: string;
  sbom?: string;
  ssh?: string[];
  labels?: Record<string, string>;
  cache_from?: string[];
  cache_to?: string[];
  no_cache?: boolean;
  no_cache_filter?: string[];
  additional_contexts?: Record<string, string>;
  pull?: boolean;
  extra_hosts?: string[];
  isolation?: string;
  network?: string;
  target?: string;
  secrets?: ComposeBuildSecret[];
  shm_size?: ByteSizeText;
  tags?: string[];
  ulimits?: Record<string, number | ComposeUlimit>;
  platforms?: string[];
  privileged?: boolean;
}

export interface ComposeWatch {
  path: string;
  action: string;
  target?: string;
  exec?: ComposeHook;
  include?: string[];
  ignore?: string[];
  initial_sync?: boolean;
}

export interface ComposeDevelop {
  watch?: ComposeWatch[];
}
