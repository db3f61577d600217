import {
  secretReferences,
  substituteSecrets,
  type ComposeModel,
  type DesiredStack,
  type SecretReference,
} from "@windflow/core";

/** Text of a secret that was fetched before; undefined when it was not delivered. */
export type SecretText = (reference: SecretReference) => string | undefined;

/** Fetches every secret that a part of a model refers to. */
export async function fetchSecrets(
  stack: DesiredStack,
  part: unknown,
  lookup: (stack: DesiredStack, reference: string) => Promise<string | undefined>,
): Promise<SecretText> {
  const texts = new Map<string, string | undefined>();
  for (const { name, version } of secretReferences(part as ComposeModel)) {
    const key = `${name}@${version}`;
    texts.set(key, await lookup(stack, key));
  }
  return ({ name, version }) => texts.get(`${name}@${version}`);
}

/** The value with the secrets put into every text of it, at any depth. */
export function withSecrets<T>(value: T, secretText: SecretText): T {
  if (typeof value === "string") return substituteSecrets(value, secretText) as T;
  if (Array.isArray(value)) return value.map((entry: unknown) => withSecrets(entry, secretText)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, withSecrets(entry as unknown, secretText)]),
  ) as T;
}
