import { HEALTHS, type Health } from "@windflow/core";
import { HOST_PRESENCES, type HostPresence } from "./model.ts";

/** A parsed filter of the host list: every part must match. */
export interface HostFilter {
  /** Parts of the name, lower case. */
  words: string[];
  labels: { key: string; value: string }[];
  presences: HostPresence[];
  /** Hosts whose health is one of these, as far as they are reached. */
  healths?: Health[];
  /** Whether a stack of the host differs in a way that nobody asked for. */
  drifted?: boolean;
  /** Whether the host waits for approval. */
  waiting?: boolean;
  /** Versions of agents, one of which the host runs. */
  agents?: string[];
  /** Whether an update of its agent is under way, or the last one failed. */
  update?: "under-way" | "failed";
  /** Names of stacks that the host runs or must run: each. */
  stacks?: string[];
  /** Names of environments, one of which the host is in; a label of that name and value does as well. */
  environments?: string[];
}

export const HOST_ORDERS = ["name", "presence", "last_seen_at", "cpu_percent", "memory_percent"] as const;
export type HostOrder = { by: (typeof HOST_ORDERS)[number]; descending: boolean };

/**
 * `web site=paris presence=online health=failed drifted=yes waiting=yes agent=0.2.0 update=failed stack=shop environment=prod`; undefined when a word cannot be
 * understood. Values may be quoted: `site="New York"`; an empty one means hosts without the label.
 */
export function parseHostFilter(text: string): HostFilter | undefined {
  const filter: HostFilter = { words: [], labels: [], presences: [] };
  for (const part of text.match(/(?:"[^"]*"|[^\s"])+/g) ?? []) {
    const equals = part.indexOf("=");
    if (equals === -1) {
      filter.words.push(part.replaceAll('"', "").toLowerCase());
      continue;
    }
    const key = part.slice(0, equals).replaceAll('"', "");
    const value = part.slice(equals + 1).replaceAll('"', "");
    if (!take(filter, key, value)) return undefined;
  }
  return filter;
}

/** False for a value that the key does not have. */
function take(filter: HostFilter, key: string, value: string): boolean {
  switch (key) {
    case "":
      return false;
    case "presence": {
      const presence = HOST_PRESENCES.find((one) => one === value.replaceAll("_", "-"));
      if (presence !== undefined) filter.presences.push(presence);
      return presence !== undefined;
    }
    case "health": {
      const health = HEALTHS.find((one) => one === value.replaceAll("_", "-"));
      if (health !== undefined) filter.healths = [...(filter.healths ?? []), health];
      return health !== undefined;
    }
    case "drifted":
      filter.drifted = value === "yes";
      return value === "yes" || value === "no";
    case "waiting":
      filter.waiting = value === "yes";
      return value === "yes" || value === "no";
    case "agent":
      filter.agents = [...(filter.agents ?? []), value];
      return value !== "";
    case "update": {
      const update = (["under-way", "failed"] as const).find((one) => one === value.replaceAll("_", "-"));
      if (update !== undefined) filter.update = update;
      return update !== undefined;
    }
    case "stack":
      filter.stacks = [...(filter.stacks ?? []), value];
      return value !== "";
    case "environment":
      filter.environments = [...(filter.environments ?? []), value];
      return value !== "";
    default:
      filter.labels.push({ key, value });
      return true;
  }
}

/** `name`, `-cpu_percent`; the empty text means by name. */
export function parseHostOrder(text: string): HostOrder | undefined {
  const descending = text.startsWith("-");
  const name = descending ? text.slice(1) : text;
  const by = name === "" ? "name" : HOST_ORDERS.find((one) => one === name);
  return by && { by, descending };
}
