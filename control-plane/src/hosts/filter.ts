import { HOST_PRESENCES, type HostPresence } from "./model.ts";

/** A parsed filter of the host list: every part must match. */
export interface HostFilter {
  /** Parts of the name, lower case. */
  words: string[];
  labels: { key: string; value: string }[];
  presences: HostPresence[];
}

export const HOST_ORDERS = ["name", "presence", "last_seen_at", "cpu_percent", "memory_percent"] as const;
export type HostOrder = { by: (typeof HOST_ORDERS)[number]; descending: boolean };

/** `web site=paris presence=online`; undefined when a word cannot be understood. Values may be quoted: `site="New York"`. */
export function parseHostFilter(text: string): HostFilter | undefined {
  const filter: HostFilter = { words: [], labels: [], presences: [] };
  for (const part of text.match(/(?:"[^"]*"|[^\s"])+/g) ?? []) {
    const equals = part.indexOf("=");
    const unquoted = part.replaceAll('"', "");
    if (equals === -1) {
      filter.words.push(unquoted.toLowerCase());
      continue;
    }
    const key = part.slice(0, equals).replaceAll('"', "");
    const value = part.slice(equals + 1).replaceAll('"', "");
    if (key === "") return undefined;
    if (key !== "presence") {
      filter.labels.push({ key, value });
      continue;
    }
    const presence = HOST_PRESENCES.find((one) => one === value.replaceAll("_", "-"));
    if (presence === undefined) return undefined;
    filter.presences.push(presence);
  }
  return filter;
}

/** `name`, `-cpu_percent`; the empty text means by name. */
export function parseHostOrder(text: string): HostOrder | undefined {
  const descending = text.startsWith("-");
  const name = descending ? text.slice(1) : text;
  const by = name === "" ? "name" : HOST_ORDERS.find((one) => one === name);
  return by && { by, descending };
}
