import { EngineError } from "./engine.ts";
import {
  secretReferences,
  substituteSecrets,
  type ComposeModel,
  type DesiredStack,
  type SecretReference,
} from "@windflow/core";

/** Text of a secret that was fetched before; undefined when it was not delivered. */
export type SecretText = (reference: SecretReference) => string | undefined;

// Shorter texts turn up in messages by chance, and a message full of holes says nothing.
const SHORTEST_REDACTED = 4;

/** Secrets of a part of a model, fetched. */
export interface FetchedSecrets {
  readonly textOf: SecretText;
  /** The text without any of the secrets. */
  redact(text: string): string;
}

/** Fetches every secret that a part of a model refers to. */
export async function fetchSecrets(
  stack: DesiredStack,
  part: unknown,
  lookup: (stack: DesiredStack, reference: string) => Promise<string | undefined>,
): Promise<FetchedSecrets> {
  const texts = new Map<string, string | undefined>();
  for (const { name, version } of secretReferences(part as ComposeModel)) {
    const key = `${name}@${version}`;
    texts.set(key, await lookup(stack, key));
  }
  const secrets = [...texts.values()].filter((text) => text !== undefined && text.length >= SHORTEST_REDACTED);
  return {
    textOf: ({ name, version }) => texts.get(`${name}@${version}`),
    redact: (text) => secrets.reduce<string>((rest, secret) => rest.replaceAll(secret ?? "", "[REDACTED]"), text),
  };
}

/** Runs a call to which secrets were given; an engine that repeats them in its refusal must not make them known. */
export async function redacting<T>(secrets: FetchedSecrets, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = secrets.redact(error.message);
    throw error instanceof EngineError ? new EngineError(message, error.status) : new Error(message);
  }
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
