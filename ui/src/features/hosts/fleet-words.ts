/** The words of a filter of hosts, as the control plane splits them: values with spaces stand in quotes. */
export function splitWords(filter: string): string[] {
  return filter.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

/** `site=paris`, `site="New York"`; `site=""` means hosts without the label. */
export function wordFor(key: string, value: string): string {
  return /^[^\s"]+$/.test(value) ? `${key}=${value}` : `${key}="${value.replaceAll('"', "")}"`;
}

const keyOf = (word: string): string | undefined => /^([^="]+)=/.exec(word)?.[1];

/** The value that the filter asks for, undefined when it says nothing about the key. */
export function valueOf(filter: string, key: string): string | undefined {
  const word = splitWords(filter).find((one) => keyOf(one) === key);
  return word?.slice(key.length + 1).replaceAll('"', "");
}

export function withoutKeys(filter: string, keys: readonly string[]): string {
  return splitWords(filter)
    .filter((word) => !keys.includes(keyOf(word) ?? ""))
    .join(" ");
}

/** The filter with one value for the key, in place of what it said about it. */
export function withWord(filter: string, key: string, value: string): string {
  return [withoutKeys(filter, [key]), wordFor(key, value)].filter(Boolean).join(" ");
}

/** The hosts of one group: by a label, or by environment. */
export function filterOfGroup(filter: string, groupBy: string, value: string): string {
  return groupBy === "" ? filter : withWord(filter, groupBy === "@environment" ? "environment" : groupBy, value);
}
