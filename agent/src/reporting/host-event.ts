import type { HostEvent } from "@windflow/proto/agent";
import { COMPOSE_LABEL, WINDFLOW_LABEL } from "@windflow/core";
import type { FilesEvent } from "../files/index.ts";
import type { OwnEvent } from "../reconcile/options.ts";
import type { EngineEvent } from "../reconcile/engine.ts";

/** Engine events that say nothing to a person: health checks run one each few seconds. */
const SILENT_ACTION = /^(exec_|top$|resize$|archive-path$|extract-to-dir$|attach$|detach$)/;
const ERROR_ACTIONS: ReadonlySet<string> = new Set(["oom"]);
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_CHARACTERS = 256;

/** An engine's event as the history shows it; undefined for those that are noise. */
export function hostEvent(event: EngineEvent): HostEvent | undefined {
  if (SILENT_ACTION.test(event.action)) return undefined;
  const [action = "", detail = ""] = event.action.split(/: ?/, 2);
  const isContainer = event.type === "container";
  return {
    type: `${event.type}.${action}`,
    containerId: isContainer ? event.id : "",
    containerName: isContainer ? event.name : "",
    stackId: event.attributes[WINDFLOW_LABEL.stack] ?? "",
    service: event.attributes[COMPOSE_LABEL.service] ?? "",
    message: message(event, action, detail),
    severity: severity(event, action, detail),
    attributes: attributes(event, detail),
  };
}

/** What happened to files of a stack on this host, as the history shows it. */
export function filesEvent(event: FilesEvent): HostEvent {
  return {
    type: event.type,
    containerId: "",
    containerName: "",
    stackId: event.stackId,
    service: "",
    message: event.message,
    severity: "warning",
    attributes: { path: event.path },
  };
}

/** What the loop did by itself, as the history shows it. */
export function ownEvent(event: OwnEvent): HostEvent {
  return {
    type: event.type,
    containerId: event.containerId ?? "",
    containerName: event.containerName ?? "",
    stackId: event.stackId,
    service: event.service ?? "",
    message: event.message,
    severity: event.severity,
    attributes: { ...event.attributes },
  };
}

function message(event: EngineEvent, action: string, detail: string): string {
  const what = `${event.type} ${event.name === "" ? event.id.slice(0, 12) : event.name}`;
  if (event.type === "container" && action === "die")
    return `${what} ended with exit code ${event.attributes["exitCode"] ?? "?"}`;
  if (event.type === "container" && action === "oom") return `${what} ran out of memory`;
  return detail === "" ? `${what}: ${action}` : `${what}: ${action} ${detail}`;
}

function severity(event: EngineEvent, action: string, detail: string): HostEvent["severity"] {
  if (ERROR_ACTIONS.has(action)) return "error";
  if (detail === "unhealthy") return "warning";
  // 143 and 137 are what a stop by order gives.
  const exitCode = event.attributes["exitCode"] ?? "0";
  return action === "die" && !["0", "137", "143"].includes(exitCode) ? "warning" : "info";
}

function attributes(event: EngineEvent, detail: string): Record<string, string> {
  const own = Object.entries(event.attributes)
    .filter(([name]) => !name.startsWith("com.docker.compose."))
    .slice(0, MAX_ATTRIBUTES)
    .map(([name, value]) => [name, value.slice(0, MAX_ATTRIBUTE_CHARACTERS)]);
  return { ...Object.fromEntries(own), ...(detail === "" ? {} : { detail }) };
}
