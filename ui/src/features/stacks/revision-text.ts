import type { Revision } from "@windflow/proto/client";
import { stringify } from "yaml";
import { modeText } from "../files/file-mode.ts";

/** Letters of a digest that are enough to tell two apart. */
const DIGEST_LETTERS = 19;

/** The files, variables and profiles of a revision as one text. Secret values are never in an answer; their names are. */
export function sourceText(revision: Revision): string {
  const source = revision.source ?? {};
  const files = Object.entries(source.files ?? {}).toSorted(([a], [b]) => a.localeCompare(b));
  const many = files.length > 1;
  const parts = files.map(([path, text]) => (many ? `# ── ${path} ──\n${text}` : text));
  const variables = (source.variables ?? []).map((one) => `${one.name}=${one.secret ? "(secret)" : one.value}`);
  if (variables.length > 0) parts.push(`# ── variables ──\n${variables.toSorted().join("\n")}\n`);
  if ((source.profiles ?? []).length > 0) parts.push(`# ── profiles ──\n${(source.profiles ?? []).join("\n")}\n`);
  const attached = (source.attachments ?? []).map(
    (one) =>
      `${modeText(one.mode || (one.folder ? 0o755 : 0))} ${one.uid ?? 0}:${one.gid ?? 0} ${one.path}${
        one.linkTarget ? ` -> ${one.linkTarget}` : one.folder ? "/" : ` ${(one.digest ?? "").slice(0, DIGEST_LETTERS)}`
      }`,
  );
  if (attached.length > 0) parts.push(`# ── attached files ──\n${attached.toSorted().join("\n")}\n`);
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

export interface RevisionImage {
  /** Its reference; for a built service without one, the service's name. */
  name: string;
  /** Empty when it is not pinned. */
  digest: string;
  built: boolean;
}
/** The images of a revision with what they are pinned to. */
export function imagesOf(revision: Revision): RevisionImage[] {
  const services = (revision.model?.["services"] ?? {}) as Record<string, { image?: string }>;
  const built = new Set(revision.builtServices);
  const digests = revision.imageDigests ?? {};
  const project = (revision.model?.["name"] ?? "") as string;
  const found = new Map<string, RevisionImage>();
  for (const [service, { image }] of Object.entries(services)) {
    const name = image ?? service;
    const digest = digests[name] ?? digests[`${project}-${service}`] ?? "";
    found.set(name, { name, digest, built: built.has(service) });
  }
  for (const [name, digest] of Object.entries(digests)) {
    const known = [...found.values()].some((image) => image.name === name || (image.built && image.digest === digest));
    if (!known) found.set(name, { name, digest, built: false });
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
