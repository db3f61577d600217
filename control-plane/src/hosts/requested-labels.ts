import type { Labels } from "./model.ts";

/** A host has at most as many labels as a person can give it (UpdateHostRequest). */
export const MAX_LABELS = 64;
const MAX_KEY_CHARACTERS = 63;
const MAX_VALUE_CHARACTERS = 255;

/** Why a machine may not even ask for these labels; undefined when it may. They come from outside: their sizes are checked here. */
export function requestProblem(labels: Labels): { path: string; message: string } | undefined {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS)
    return { path: "labels", message: `${entries.length} labels are asked for; a host has at most ${MAX_LABELS}` };
  const long = entries.find(([key, value]) => key.length > MAX_KEY_CHARACTERS || value.length > MAX_VALUE_CHARACTERS);
  if (long === undefined) return undefined;
  const path = `labels[${JSON.stringify(long[0].slice(0, MAX_KEY_CHARACTERS))}]`;
  return { path, message: `a key has at most ${MAX_KEY_CHARACTERS} characters, a value ${MAX_VALUE_CHARACTERS}` };
}

/**
 * What becomes of the labels that a machine asked for when it enrolled: those of the token count first, those whose keys the
 * token leaves to the machine are given at once, all others wait for a person.
 */
export function divideRequested(
  token: { readonly labels: Labels; readonly hostLabelKeys: readonly string[] },
  requested: Labels,
): { labels: Labels; waiting: Labels } {
  const labels: Record<string, string> = { ...token.labels };
  const waiting: Record<string, string> = {};
  for (const [key, value] of Object.entries(requested)) {
    if (token.labels[key] === value) continue;
    const given = !Object.hasOwn(token.labels, key) && token.hostLabelKeys.includes(key);
    (given ? labels : waiting)[key] = value;
  }
  return { labels, waiting };
}

/** What is still open of a request once a person has set the labels. */
export function stillRequested(requested: Labels, labels: Labels): Labels {
  return Object.fromEntries(Object.entries(requested).filter(([key, value]) => labels[key] !== value));
}
