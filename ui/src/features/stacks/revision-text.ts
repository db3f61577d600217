import type { Revision } from "@windflow/proto/client";
import { stringify } from "yaml";

/** The files, variables and profiles of a revision as one text. Secret values are never in an answer; their names are. */
export function sourceText(revision: Revision): string {
  const source = revision.source ?? {};
  const files = Object.entries(source.files ?? {}).toSorted(([a], [b]) => a.localeCompare(b));
  const many = files.length > 1;
  const parts = files.map(([path, text]) => (many ? `# ── ${path} ──\n${text}` : text));
  const variables = (source.variables ?? []).map((one) => `${one.name}=${one.secret ? "(secret)" : one.value}`);
  if (variables.length > 0) parts.push(`# ── variables ──\n${variables.toSorted().join("\n")}\n`);
  if ((source.profiles ?? []).length > 0) parts.push(`# ── profiles ──\n${(source.profiles ?? []).join("\n")}\n`);
  return parts.join("\n");
}

/** The normalised model and the resolved digests: what the hosts receive. */
export function modelText(revision: Revision): string {
  if (revision.model === undefined) return "";
  const digests = revision.imageDigests ?? {};
  return (
    stringify(revision.model, { sortMapEntries: true }) +
    (Object.keys(digests).length > 0 ? `\n# digests\n${stringify(digests, { sortMapEntries: true })}` : "")
  );
}
