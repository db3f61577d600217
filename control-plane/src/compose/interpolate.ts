import { type Cast, toBoolean, toBytes, toDuration, toFloat, toInteger } from "./casts.ts";
import { InterpolationError, interpolateText, type Lookup } from "./interpolate-text.ts";
import { MAX_INTERPOLATED_TOTAL } from "./limits.ts";
import { mapItems, mapMembers, type Node, positionOf, scalar, type ScalarNode } from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { errorAt, fail, type KeyPath, type Position, type Problem, warningAt } from "./problem.ts";

/** Keys whose text becomes a number or a boolean once variables are in place, before the schema looks at it. */
const CASTS: PathRules<Cast> = pathRules({
  "services.*.cpu_count": toInteger,
  "services.*.cpu_percent": toFloat,
  "services.*.cpu_period": toInteger,
  "services.*.cpu_quota": toInteger,
  "services.*.cpu_rt_period": toInteger,
  "services.*.cpu_rt_runtime": toInteger,
  "services.*.cpus": toFloat,
  "services.*.cpu_shares": toInteger,
  "services.*.init": toBoolean,
  "services.*.deploy.replicas": toInteger,
  "services.*.deploy.update_config.parallelism": toInteger,
  "services.*.deploy.update_config.max_failure_ratio": toFloat,
  "services.*.deploy.rollback_config.parallelism": toInteger,
  "services.*.deploy.rollback_config.max_failure_ratio": toFloat,
  "services.*.deploy.restart_policy.max_attempts": toInteger,
  "services.*.deploy.placement.max_replicas_per_node": toInteger,
  "services.*.healthcheck.retries": toInteger,
  "services.*.healthcheck.disable": toBoolean,
  "services.*.mem_limit": toBytes,
  "services.*.mem_reservation": toBytes,
  "services.*.memswap_limit": toBytes,
  "services.*.mem_swappiness": toBytes,
  "services.*.oom_kill_disable": toBoolean,
  "services.*.oom_score_adj": toInteger,
  "services.*.pids_limit": toInteger,
  "services.*.ports.*.target": toInteger,
  "services.*.privileged": toBoolean,
  "services.*.read_only": toBoolean,
  "services.*.scale": toInteger,
  "services.*.stdin_open": toBoolean,
  "services.*.shm_size": toBytes,
  "services.*.stop_grace_period": toDuration,
  "services.*.tty": toBoolean,
  "services.*.ulimits.*": toInteger,
  "services.*.ulimits.*.hard": toInteger,
  "services.*.ulimits.*.soft": toInteger,
  "services.*.volumes.*.read_only": toBoolean,
  "services.*.volumes.*.volume.nocopy": toBoolean,
  "services.*.volumes.*.tmpfs.size": toBytes,
  "networks.*.external": toBoolean,
  "networks.*.internal": toBoolean,
  "networks.*.attachable": toBoolean,
  "networks.*.enable_ipv4": toBoolean,
  "networks.*.enable_ipv6": toBoolean,
  "volumes.*.external": toBoolean,
  "secrets.*.external": toBoolean,
  "configs.*.external": toBoolean,
});

export interface Interpolation {
  readonly environment: (name: string) => string | undefined;
  readonly report: (problem: Problem) => void;
  /** Characters produced so far in this rendering; shared by all its files. */
  readonly spent: { characters: number };
  /** Variables already warned about. */
  readonly warned: Set<string>;
}

/** Puts variables into every text below a node and reads the result as the type of its key. All failures are reported; the node keeps its text there. */
export function interpolate(node: Node, interpolation: Interpolation): Node {
  return walk(node, [], CASTS, interpolation);
}

function walk(node: Node, path: KeyPath, casts: PathRules<Cast> | undefined, interpolation: Interpolation): Node {
  switch (node.kind) {
    case "map":
      return mapMembers(node, (member, key) => walk(member, [...path, key], rulesFor(casts, key), interpolation));
    case "seq":
      return mapItems(node, (item, i) => walk(item, [...path, i], rulesFor(casts, i), interpolation));
    case "scalar":
      if (node.type !== "string") return node;
      return castText(substituted(node, path, interpolation), path, casts?.rule, interpolation);
  }
}

function substituted(node: ScalarNode, path: KeyPath, interpolation: Interpolation): ScalarNode {
  const text = String(node.value);
  if (!text.includes("$")) return node;
  const lookup: Lookup = {
    get: interpolation.environment,
    missing: (name) => {
      warnUnset(name, node.at, path, interpolation);
    },
  };
  try {
    const value = interpolateText(text, lookup);
    interpolation.spent.characters += value.length;
    if (interpolation.spent.characters > MAX_INTERPOLATED_TOTAL) {
      fail("WF_COMPOSE_LIMIT", node.at, path, {
        what: "variables produce too much text",
        why: `one rendering may produce ${MAX_INTERPOLATED_TOTAL} characters`,
        fix: "use long variables in fewer places",
      });
    }
    return { ...node, value };
  } catch (error) {
    if (!(error instanceof InterpolationError)) throw error;
    interpolation.report(interpolationProblem(error, node.at, path));
    return node;
  }
}

function interpolationProblem(error: InterpolationError, at: Position, path: KeyPath): Problem {
  switch (error.reason) {
    case "required":
      return errorAt("WF_COMPOSE_INTERPOLATION", at, path, {
        what: `a required variable has no value: ${error.message}`,
        why: "the file demands it with ${…?…}",
        fix: "set the variable",
      });
    case "limit":
      return errorAt("WF_COMPOSE_LIMIT", at, path, {
        what: "the variables of this value cannot be expanded",
        why: error.message,
        fix: "use simpler defaults or shorter variables",
      });
    case "syntax":
      return errorAt("WF_COMPOSE_INTERPOLATION", at, path, {
        what: error.message,
        why: "a variable is written $NAME, ${NAME} or ${NAME:-default}",
        fix: "correct the reference, or write $$ for a plain dollar sign",
      });
  }
}

function warnUnset(name: string, at: Position, path: KeyPath, interpolation: Interpolation): void {
  if (interpolation.warned.has(name)) return;
  interpolation.warned.add(name);
  interpolation.report(
    warningAt("WF_COMPOSE_UNSET_VARIABLE", at, path, {
      what: `the variable ${name} is not set`,
      why: "an empty text is used in its place",
      fix: `set ${name}, or give a default: \${${name}:-value}`,
    }),
  );
}

function castText(node: ScalarNode, path: KeyPath, cast: Cast | undefined, { report }: Interpolation): ScalarNode {
  if (cast === undefined) return node;
  const text = String(node.value);
  const value = cast.read(text);
  if (value === undefined) {
    report(
      errorAt("WF_COMPOSE_INTERPOLATION", positionOf(node), path, {
        what: `"${text}" is not ${cast.noun}`,
        why: "this key takes nothing else",
        fix: `write ${cast.noun}`,
      }),
    );
    return node;
  }
  return { ...node, ...scalarOf(value, node) };
}

function scalarOf(value: Exclude<ScalarNode["value"], undefined>, node: ScalarNode): ScalarNode {
  return { ...node, type: scalar(value, node.at).type, value };
}
