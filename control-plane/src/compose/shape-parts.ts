import { isNull, type Node, positionOf, stringOf } from "./node.ts";
import { warningAt } from "./problem.ts";
import {
  anyText,
  choiceCount,
  count,
  fileMode,
  flag,
  float32,
  listOf,
  mapOf,
  natural,
  pairs,
  positive,
  record,
  refuse,
  scalarText,
  type Shape,
  size,
  span,
  text,
  textOrTexts,
  texts,
  variables,
} from "./shape-type.ts";
import { splitShellWords } from "./shell-words.ts";
import { textOf } from "./yaml-scalar.ts";

/** A command: a list, or a line that is split into words; null means the image's own. */
export const command: Shape = (node, context) => {
  if (isNull(node)) return null;
  if (node.kind === "seq") return texts(node, context) ?? [];
  const line = scalarText(node, context, "a command");
  if (line === undefined) return undefined;
  const split = splitShellWords(line);
  if (split === undefined) return refuse(node, context, "a command with closed quotes");
  if (split.dropped !== "") {
    context.report(
      warningAt("WF_COMPOSE_NO_EFFECT", positionOf(node), context.path, {
        what: `"${split.dropped.slice(0, 40)}" has no effect`,
        why: "no shell reads the line, and docker compose drops what follows such a sign",
        fix: 'write ["sh", "-c", "…"], or quote the sign',
      }),
    );
  }
  return split.words;
};

export const hook: Shape = record(
  {
    command,
    user: text,
    privileged: flag,
    working_dir: text,
    environment: variables,
  },
  { command: null },
);

/** `name=address` lines, sorted; an IPv6 address stands without brackets. */
export const hosts: Shape = (node, context) => {
  if (isNull(node)) return undefined;
  const lines: string[] = [];
  const add = (host: string, addresses: readonly string[], place: Node): void => {
    if (host === "") refuse(place, context, "a host with a name and an address");
    for (const address of addresses) lines.push(`${host}=${address.replace(/^\[(.*)\]$/, "$1")}`);
  };
  if (node.kind === "map") {
    for (const [host, child] of node.entries) {
      const addresses = child.kind === "seq" ? child.items : [child];
      add(
        host,
        addresses.map((one) => scalarText(one, context, "an address") ?? ""),
        child,
      );
    }
  } else if (node.kind === "seq") {
    for (const [i, item] of node.items.entries()) {
      const line = scalarText(item, context, "a host and its address") ?? "";
      const separator = line.includes("=") ? "=" : ":";
      const index = line.indexOf(separator);
      if (index === -1) refuse(item, { ...context, path: [...context.path, i] }, "a host and its address");
      else add(line.slice(0, index), line.slice(index + 1).split(","), item);
    }
  } else return refuse(node, context, "a list or a map");
  return lines.length === 0 ? undefined : lines.toSorted((a, b) => (a < b ? -1 : 1));
};

/** A whole number that is one already; text is refused, as where the tool reads none. */
const wholeCount: Shape = (node, context) => {
  if (isNull(node) || (node.kind === "scalar" && node.type === "int")) return count(node, context);
  return refuse(node, context, "a whole number");
};

export const ulimits: Shape = mapOf((node, context) => {
  // The tool prints a single zero as an object without limits.
  if (node.kind === "scalar") return wholeCount(node, context) ?? {};
  return record({ soft: wholeCount, hard: wholeCount })(node, context);
});

export const fileReferences: Shape = listOf(
  record({ source: text, target: text, uid: text, gid: text, mode: fileMode }),
);

const deviceCount: Shape = (node, context) => {
  if (stringOf(node) === "all") return -1;
  const written = node.kind === "scalar" && node.type !== "float" && /^-?\d+$/.test(textOf(node));
  if (node.kind === "scalar" && !isNull(node) && !written) {
    return refuse(node, context, '"all" or a whole number');
  }
  return count(node, context);
};

export const deviceRequests: Shape = listOf(
  record({
    capabilities: texts,
    driver: text,
    count: deviceCount,
    device_ids: texts,
    options: pairs,
  }),
);

// These two have capital letters in the tool's own JSON.
const throttle: Shape = (node, context) => {
  const { path, rate } = partsOf(record({ path: text, rate: size })(node, context));
  return { Path: path ?? "", Rate: rate ?? "0" };
};
const weighted: Shape = (node, context) => {
  const { path, weight } = partsOf(record({ path: text, weight: positive })(node, context));
  return { Path: path ?? "", Weight: weight ?? 0 };
};
const throttles = listOf(throttle);

function partsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

export const blkio: Shape = record({
  weight: positive,
  weight_device: listOf(weighted),
  device_read_bps: throttles,
  device_read_iops: throttles,
  device_write_bps: throttles,
  device_write_iops: throttles,
});

const updateConfig = record({
  parallelism: natural,
  delay: span,
  failure_action: text,
  monitor: span,
  max_failure_ratio: float32,
  order: text,
});

const genericResources = listOf(
  record({ discrete_resource_spec: record({ kind: text, value: choiceCount }, { kind: "", value: 0 }) }),
);
const resource = record({
  cpus: float32,
  memory: size,
  pids: count,
  devices: deviceRequests,
  generic_resources: genericResources,
});

export const deploy: Shape = record(
  {
    mode: text,
    replicas: natural,
    labels: pairs,
    update_config: updateConfig,
    rollback_config: updateConfig,
    resources: record({ limits: resource, reservations: resource }),
    restart_policy: record({
      condition: text,
      delay: span,
      max_attempts: natural,
      window: span,
    }),
    placement: record({
      constraints: texts,
      preferences: listOf(record({ spread: text })),
      max_replicas_per_node: positive,
    }),
    endpoint_mode: text,
  },
  { resources: {}, placement: {} },
);

const sshKeys: Shape = (node, context) => {
  for (const item of node.kind === "seq" ? node.items : []) {
    const line = stringOf(item);
    if (line?.includes("=") === false && line !== "default") refuse(item, context, "default or ID=PATH");
  }
  const keys = variables(node, context);
  if (typeof keys !== "object" || keys === null) return undefined;
  return Object.entries(keys).map(([id, path]) => (path === null || path === "" ? id : `${id}=${String(path)}`));
};

export const build: Shape = record({
  context: text,
  dockerfile: text,
  dockerfile_inline: text,
  entitlements: texts,
  args: variables,
  provenance: anyText,
  sbom: anyText,
  ssh: sshKeys,
  labels: pairs,
  cache_from: texts,
  cache_to: texts,
  no_cache: flag,
  no_cache_filter: textOrTexts,
  additional_contexts: pairs,
  pull: flag,
  extra_hosts: hosts,
  isolation: text,
  network: text,
  target: text,
  secrets: fileReferences,
  shm_size: size,
  tags: texts,
  ulimits,
  platforms: texts,
  privileged: flag,
});

export const develop: Shape = record({
  watch: listOf(
    record(
      {
        path: text,
        action: text,
        target: text,
        exec: hook,
        include: textOrTexts,
        ignore: textOrTexts,
        initial_sync: flag,
      },
      { exec: { command: null } },
    ),
  ),
});

export const mount: Shape = record({
  type: text,
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: record({ selinux: text, propagation: text, create_host_path: flag, recursive: text }),
  volume: record({ labels: pairs, nocopy: flag, subpath: text }),
  tmpfs: record({ size, mode: positive }),
  image: record({ subpath: text }),
});

export const healthcheck: Shape = record({
  test: (node, context) => {
    if (isNull(node)) return undefined;
    if (node.kind === "seq") return texts(node, context);
    const line = scalarText(node, context, "a command");
    return line === undefined ? undefined : ["CMD-SHELL", line];
  },
  timeout: span,
  interval: span,
  retries: natural,
  start_period: span,
  start_interval: span,
  disable: flag,
});

export const provider: Shape = record({
  type: text,
  options: mapOf((node, context) =>
    node.kind === "scalar" ? [anyText(node, context) ?? ""] : listOf(anyText)(node, context),
  ),
});
