import { type MapNode, mapItems, mapMembers, member, type Node, withDefault } from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { textOf } from "./yaml-scalar.ts";

type Fill = (node: MapNode) => MapNode;

const FILLS: PathRules<Fill> = pathRules<Fill>({
  "services.*.build": (build) => withDefault(build, "context", "."),
  "services.*.secrets.*": (reference) => {
    const source = member(reference, "source");
    return source?.kind === "scalar" ? withDefault(reference, "target", `/run/secrets/${textOf(source)}`) : reference;
  },
  "services.*.ports.*": (port) => withDefault(withDefault(port, "protocol", "tcp"), "mode", "ingress"),
  "services.*.deploy.resources.reservations.devices.*": allDevices,
  "services.*.gpus.*": allDevices,
});

/** Writes out the values that a missing key stands for. */
export function fillDefaults(model: MapNode): MapNode {
  const walked = walk(model, FILLS);
  return walked.kind === "map" ? walked : model;
}

function walk(node: Node, rules: PathRules<Fill> | undefined): Node {
  if (rules === undefined || node.kind === "scalar") return node;
  if (node.kind === "seq") return mapItems(node, (item, i) => walk(item, rulesFor(rules, i)));
  const filled = rules.rule === undefined ? node : rules.rule(node);
  return mapMembers(filled, (child, key) => walk(child, rulesFor(rules, key)));
}

function allDevices(request: MapNode): MapNode {
  return request.entries.has("device_ids") ? request : withDefault(request, "count", "all");
}
