import type { ComposeFileObject, ComposeFileReference, ComposeService } from "../compose/model.ts";
import { canonicalJson } from "../digest/canonical-json.ts";
import { sha256Hex } from "../digest/sha256.ts";
import type { DesiredStack } from "./desired.ts";
import { compareText, sortedEntries } from "./world-index.ts";

// Enough to tell that a key changed; the decision to recreate rests on the whole config hash.
const PART_DIGITS = 8;
// With fewer, two contents of one file could meet by chance in a fleet's lifetime.
const TREE_DIGITS = 32;
// Keys that docker compose leaves out of its config hash, so a change in them recreates nothing.
const UNHASHED_KEYS = new Set(["build", "depends_on", "profiles", "pull_policy", "scale"]);

/** One config or secret that a service mounts. */
export interface FileUse {
  readonly kind: "config" | "secret";
  readonly reference: ComposeFileReference;
  readonly object: ComposeFileObject;
}

/** Configs, then secrets, of a service in the order of the model; a reference without its object is left out. */
export function fileUses(stack: DesiredStack, service: ComposeService): FileUse[] {
  const uses = (
    kind: FileUse["kind"],
    references: readonly ComposeFileReference[] | undefined,
    objects: Readonly<Record<string, ComposeFileObject>> | undefined,
  ): FileUse[] =>
    (references ?? []).flatMap((reference) => {
      const object = objects?.[reference.source];
      return object ? [{ kind, reference, object }] : [];
    });
  return [
    ...uses("config", service.configs, stack.model.configs),
    ...uses("secret", service.secrets, stack.model.secrets),
  ];
}

/**
 * Text of the files label: a digest over what will be copied into the container (content digests and placeholders, never secret text),
 * then `;./path=digest` for each of the stack's own files that it mounts. Empty without either.
 */
export function filesDigest(stack: DesiredStack, service: ComposeService): string {
  return [copiedDigest(stack, service), ...mountedDigests(stack, service)].join(";");
}

/** Bind mounts of the stack's own files, sorted: `./path=digest` each. */
function mountedDigests(stack: DesiredStack, service: ComposeService): string[] {
  const sources = (service.volumes ?? []).flatMap(({ type, source }) =>
    type === "bind" && source !== undefined ? [source] : [],
  );
  return [...new Set(sources)]
    .flatMap((source) => {
      const digest = stack.trees?.[source];
      return digest === undefined ? [] : [`${relativePath(stack, source)}=${digest.slice(0, TREE_DIGITS)}`];
    })
    .toSorted(compareText);
}

/** `./conf` as a person wrote it, without the characters that separate the parts of the label. */
function relativePath(stack: DesiredStack, source: string): string {
  const folder = stack.workingDirectory ?? "";
  const relative =
    source === folder ? "." : source.startsWith(`${folder}/`) ? `.${source.slice(folder.length)}` : source;
  return relative.replace(/[%;=]/g, (character) => encodeURIComponent(character));
}

/** What differs between two files labels, as a person would name it. */
export function changedFiles(before: string, after: string): string[] {
  const [copiedBefore = "", ...mountedBefore] = before.split(";");
  const [copiedAfter = "", ...mountedAfter] = after.split(";");
  const mounted = changedParts(mountedBefore.join(";"), mountedAfter.join(";"));
  const copied = copiedBefore === copiedAfter ? [] : ["its configs or secrets"];
  return [...copied, ...mounted.map((path) => decodeURIComponent(path))];
}

function copiedDigest(stack: DesiredStack, service: ComposeService): string {
  const uses = fileUses(stack, service);
  if (uses.length === 0) return "";
  return sha256Hex(
    canonicalJson(
      uses.map(({ kind, reference, object }) => [
        kind,
        reference,
        object.content ?? object.environment ?? null,
        object.file === undefined ? null : (stack.files[object.file] ?? null),
      ]),
    ),
  );
}

/** Text of the parts label: `command=1a2b3c4d;image=…`, keys sorted. */
export function partsText(service: ComposeService): string {
  return sortedEntries(service as unknown as Record<string, unknown>)
    .filter(([key, value]) => !UNHASHED_KEYS.has(key) && value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${sha256Hex(canonicalJson(value)).slice(0, PART_DIGITS)}`)
    .join(";");
}

/** Keys that differ between two parts labels, sorted. */
export function changedParts(before: string, after: string): string[] {
  const was = parseParts(before);
  const is = parseParts(after);
  const keys = new Set([...was.keys(), ...is.keys()]);
  return [...keys].filter((key) => was.get(key) !== is.get(key)).toSorted(compareText);
}

function parseParts(text: string): Map<string, string> {
  return new Map(
    text
      .split(";")
      .filter((part) => part !== "")
      .map((part) => [part.split("=")[0] ?? "", part.split("=")[1] ?? ""]),
  );
}
