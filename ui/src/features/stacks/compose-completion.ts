import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { KEYS, pathAbove, tableAt, VALUES } from "./compose-keys.ts";

/** Completes the keys of a compose file where they are, and the values of keys that know only a few. */
export function completeCompose(context: CompletionContext): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const value = /^\s*(?:- )?([\w.-]+):\s+([\w-]*)$/.exec(before);
  if (value !== null)
    return complete(
      context.pos - value[2]!.length,
      (VALUES[value[1]!] ?? []).map((label) => ({ label, type: "constant" })),
    );

  const key = /^(\s*)([\w-]*)$/.exec(before);
  if (key === null || (key[2] === "" && !context.explicit)) return null;
  const lines = context.state.doc.sliceString(0, line.from).split("\n");
  const table = tableAt(pathAbove(lines, line.number - 1, key[1]!.length));
  if (table === undefined) return null;
  return complete(
    context.pos - key[2]!.length,
    Object.entries(KEYS[table] ?? {}).map(([label, detail]) => ({
      label,
      detail,
      type: "property",
      apply: `${label}: `,
    })),
  );
}

function complete(from: number, options: CompletionResult["options"]): CompletionResult | null {
  return options.length === 0 ? null : { from, options, validFor: /^[\w-]*$/ };
}
