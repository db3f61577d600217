import { isIP } from "node:net";
import { type MapNode, member, type Node, positionOf, stringOf } from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { errorAt, type KeyPath, type Problem } from "./problem.ts";

type Report = (problem: Problem) => void;
type Check = (node: Node, path: KeyPath, report: Report) => void;

const CHECKS: PathRules<Check> = pathRules<Check>({
  "volumes.*": checkExternalVolume,
  "configs.*": checkSource("file", "environment", "content"),
  "secrets.*": checkSource("file", "environment"),
  "services.*.ports.*": checkAddress,
  "services.*.develop.watch.*.path": checkNotBlank,
  "services.*.deploy.resources.reservations.devices.*": checkDeviceRequest,
  "services.*.gpus.*": checkDeviceRequest,
});

/** Rules between keys of one object that the description of the keys cannot say. */
export function checkObjects(model: MapNode, report: Report): void {
  walk(model, [], CHECKS, report);
}

function walk(node: Node, path: KeyPath, rules: PathRules<Check> | undefined, report: Report): void {
  if (rules === undefined) return;
  rules.rule?.(node, path, report);
  if (node.kind === "map") {
    for (const [key, child] of node.entries) walk(child, [...path, key], rulesFor(rules, key), report);
  } else if (node.kind === "seq") {
    for (const [i, child] of node.items.entries()) walk(child, [...path, i], rulesFor(rules, i), report);
  }
}

function checkExternalVolume(node: Node, path: KeyPath, report: Report): void {
  const external = member(node, "external");
  if (node.kind !== "map" || external?.kind !== "scalar" || external.value !== true) return;
  for (const [key, child] of node.entries) {
    if (key === "name" || key === "external" || key.startsWith("x-")) continue;
    report(
      errorAt("WF_COMPOSE_CONFLICT", positionOf(child), [...path, key], {
        what: `"external" and "${key}" stand together`,
        why: "an external volume exists already, so nothing about it can be set here",
        fix: `remove ${key} or external`,
      }),
    );
  }
}

function checkSource(...sources: readonly string[]): Check {
  return (node, path, report) => {
    if (node.kind !== "map") return;
    const given = sources.filter((key) => node.entries.has(key));
    if (given.length > 1) {
      report(
        errorAt("WF_COMPOSE_CONFLICT", positionOf(node), path, {
          what: `${given.join(" and ")} stand together`,
          why: "the content can come from one place only",
          fix: "keep one of them",
        }),
      );
    }
    if (given.length > 0 || node.entries.has("driver") || node.entries.has("external")) return;
    report(
      errorAt("WF_COMPOSE_CONFLICT", positionOf(node), path, {
        what: "nothing says where the content comes from",
        why: `one of ${sources.join(", ")} or external must be set`,
        fix: `add ${sources[0] ?? "file"}`,
      }),
    );
  };
}

function checkAddress(node: Node, path: KeyPath, report: Report): void {
  const address = member(node, "host_ip");
  const text = stringOf(address);
  if (address === undefined || text === undefined || isIP(text) !== 0) return;
  report(
    errorAt("WF_COMPOSE_SYNTAX", positionOf(address), [...path, "host_ip"], {
      what: `"${text}" is not an IP address`,
      why: "a port is bound to an address of the host, not to a name",
      fix: "write an address such as 127.0.0.1",
    }),
  );
}

function checkNotBlank(node: Node, path: KeyPath, report: Report): void {
  if (stringOf(node) !== "") return;
  report(
    errorAt("WF_COMPOSE_SYNTAX", positionOf(node), path, {
      what: "the path is blank",
      why: "there is nothing to watch",
      fix: "write the path to watch",
    }),
  );
}

function checkDeviceRequest(node: Node, path: KeyPath, report: Report): void {
  const count = member(node, "count");
  if (count === undefined || member(node, "device_ids") === undefined) return;
  report(
    errorAt("WF_COMPOSE_CONFLICT", positionOf(count), path, {
      what: "count and device_ids stand together",
      why: "devices are chosen by number or by name, not both",
      fix: "keep one of them",
    }),
  );
}
