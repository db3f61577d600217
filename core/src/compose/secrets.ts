import type { ComposeModel } from "./model.ts";

/** A version of a secret that a rendered model refers to; its text is never in the model. */
export interface SecretReference {
  readonly name: string;
  readonly version: number;
}

// A name may hold whatever a variable's name may hold; the braces cannot end early because a name has none.
const PLACEHOLDER = /\{\{wf-secret:([A-Za-z0-9_.-]+)@(\d+)\}\}/g;

/** What a secret variable becomes in a rendered model; the agent puts the text in its place when it creates the container. */
export function secretPlaceholder(reference: SecretReference): string {
  return `{{wf-secret:${reference.name}@${reference.version}}}`;
}

/** Every secret that a model (or any part of one) refers to, once each, ordered by name and version. */
export function secretReferences(model: ComposeModel): SecretReference[] {
  const found = new Map<string, SecretReference>();
  for (const match of JSON.stringify(model).matchAll(PLACEHOLDER)) {
    const reference = { name: match[1] ?? "", version: Number(match[2]) };
    found.set(secretPlaceholder(reference), reference);
  }
  return [...found.values()].toSorted((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
}

/**
 * The text with each placeholder replaced. A text that came out of a secret is not searched again, so a secret cannot name another one.
 * @throws Error naming the reference when the lookup has no text for it; the message never holds secret text.
 */
export function substituteSecrets(text: string, lookup: (reference: SecretReference) => string | undefined): string {
  return text.replaceAll(PLACEHOLDER, (placeholder, name: string, version: string) => {
    const secret = lookup({ name, version: Number(version) });
    if (secret === undefined) {
      throw new Error(`no text for the secret ${placeholder}: it was not delivered to this host`);
    }
    return secret;
  });
}
