import { type DesiredStack, type DesiredWorld, secretReferences } from "@windflow/core";

/** Takes the secrets of a stack out of what its engine repeats: commands and error texts hold them in the clear. */
export interface Redaction {
  (stackId: string, text: string): string;
}

// Shorter texts turn up by chance, and a message full of holes says nothing.
const SHORTEST_REDACTED = 4;
const SHORTEST_LINE = 16;
const REDACTED = "[REDACTED]";
// A container of an earlier revision is told of while it is being replaced; more versions than this are not around at once.
const TEXTS_PER_STACK = 256;

export interface RedactionParts {
  desired(): DesiredWorld | undefined;
  /** Revisions that ran here before, of which containers may be around still. Absent: none. */
  kept?(stackId: string): readonly DesiredStack[];
  /** @returns undefined when it was not delivered. May throw when the box cannot be opened. */
  secretText(stack: DesiredStack, reference: string): string | undefined;
}

export function createRedaction(parts: RedactionParts): Redaction {
  const known = new Map<string, { revision: number; texts: Set<string> }>();

  /** undefined while not all of them can be read: then nobody can say whether a text holds one. */
  const textsOf = (stackId: string): ReadonlySet<string> | undefined => {
    const stack = parts.desired()?.stacks.find((candidate) => candidate.stackId === stackId);
    const before = known.get(stackId);
    if (stack === undefined || before?.revision === stack.revision) return before?.texts ?? new Set();
    const texts = new Set(before?.texts);
    // Those of the wanted revision last: of too many the first are forgotten.
    for (const revision of [...(parts.kept?.(stackId) ?? []), stack])
      for (const { name, version } of secretReferences(revision.model)) {
        const text = textOrNone(() => parts.secretText(revision, `${name}@${version}`));
        if (text === undefined) return undefined;
        if (text.length >= SHORTEST_REDACTED) texts.add(text);
        // What is read by lines never shows a key of many lines whole.
        for (const line of text.split("\n")) if (line.length >= SHORTEST_LINE) texts.add(line);
      }
    const kept = new Set([...texts].slice(-TEXTS_PER_STACK));
    known.set(stackId, { revision: stack.revision, texts: kept });
    return kept;
  };

  return (stackId, text) => {
    if (text === "") return text;
    const texts = textsOf(stackId);
    if (texts === undefined) return REDACTED;
    // The longest first: one secret may be a part of another.
    const longestFirst = [...texts].toSorted((a, b) => b.length - a.length);
    return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
  };
}

function textOrNone(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch {
    // A box that cannot be opened is told of where a container is made with it.
    return undefined;
  }
}
