import type { ComposeService } from "./model-service.ts";

export type * from "./model-deploy.ts";
export type * from "./model-service.ts";

export interface ComposeIpam {
  driver?: string;
  config?: {
    subnet?: string;
    gateway?: string;
    ip_range?: string;
    aux_addresses?: Record<string, string>;
  }[];
}

/** A network; `name` is the name on the engine (`project_key` unless given). */
export interface ComposeNetwork {
  name?: string;
  driver?: string;
  driver_opts?: Record<string, string>;
  ipam?: ComposeIpam;
  /** True: it must exist on the host already and is never created or removed. */
  external?: boolean;
  internal?: boolean;
  attachable?: boolean;
  labels?: Record<string, string>;
  enable_ipv4?: boolean;
  enable_ipv6?: boolean;
}

/** A named volume; `name` is the name on the engine (`project_key` unless given). */
export interface ComposeVolume {
  name?: string;
  driver?: string;
  driver_opts?: Record<string, string>;
  external?: boolean;
  labels?: Record<string, string>;
}

/** A secret or config: exactly one of `file`, `environment`, `content` or `external` says where its bytes come from. */
export interface ComposeFileObject {
  name?: string;
  file?: string;
  environment?: string;
  content?: string;
  external?: boolean;
  labels?: Record<string, string>;
  driver?: string;
  driver_opts?: Record<string, string>;
  template_driver?: string;
}

export interface ComposeModelService {
  name?: string;
  model?: string;
  context_size?: number;
  runtime_flags?: string[];
}

/**
 * A whole project in the JSON shape of `docker compose config --format json`, with `$` unescaped:
 * short forms expanded, defaults and engine names filled in, services of inactive profiles absent.
 */
export interface ComposeModel {
  name: string;
  services: Record<string, ComposeService>;
  networks?: Record<string, ComposeNetwork>;
  volumes?: Record<string, ComposeVolume>;
  secrets?: Record<string, ComposeFileObject>;
  configs?: Record<string, ComposeFileObject>;
  models?: Record<string, ComposeModelService>;
  /** Top-level extensions travel unread. */
  [extension: `x-${string}`]: unknown;
}
