import { readDockerIgnore } from "./docker-ignore.ts";
import { MODE_PLAIN, MODE_PROGRAM } from "./file-mode.ts";
import type { Picked, PickedFile } from "./picked.ts";

/** Longer texts are slow to edit; they travel as they are. */
export const TEXT_BYTES_AT_MOST = 1024 * 1024;
/** The API takes 200 texts in a revision; the rest travels as attachments. */
export const TEXTS_AT_MOST = 150;
/** Limits of the API. */
export const FILE_BYTES_AT_MOST = 1024 ** 3;
export const ATTACHMENTS_AT_MOST = 20_000;
const PATH_CHARACTERS_AT_MOST = 1_024;
const COMPOSE_NAME = /^(?:docker-)?compose(?:\.[\w-]+)?\.ya?ml$/;
const ELF = [0x7f, 0x45, 0x4c, 0x46];

export type Refusal = "tooLarge" | "path" | "tooMany";
export interface SortedOut {
  /** Path → text, to be edited. */
  texts: Record<string, string>;
  attachments: { path: string; file: File; mode: number }[];
  emptyFolders: string[];
  refused: { path: string; why: Refusal }[];
  /** How many files a .dockerignore left out. */
  ignored: number;
}

/**
 * Decides what becomes of picked files: texts that can be edited, attachments, or refused. A folder that has a compose file
 * becomes the stack's own folder, any other keeps its name; `exact` keeps every path.
 */
export async function sortOut(
  picked: Picked,
  has: { texts: number; attachments: number },
  exact = false,
): Promise<SortedOut> {
  const sorted: SortedOut = { texts: {}, attachments: [], emptyFolders: [], refused: [], ignored: 0 };
  const left = await withoutIgnored(picked.files);
  sorted.ignored = picked.files.length - left.length;
  const root = exact ? undefined : composeFolder(picked.files);
  const place = (path: string): string =>
    root !== undefined && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  for (const { path: found, file } of left) {
    const path = place(found);
    if (!isPath(path)) sorted.refused.push({ path, why: "path" });
    else if (file.size > FILE_BYTES_AT_MOST) sorted.refused.push({ path, why: "tooLarge" });
    else {
      const { text, program } = await look(file);
      const room = has.texts + Object.keys(sorted.texts).length < TEXTS_AT_MOST || COMPOSE_NAME.test(path);
      if (text !== undefined && !program && room) sorted.texts[path] = text;
      else if (has.attachments + sorted.attachments.length >= ATTACHMENTS_AT_MOST)
        sorted.refused.push({ path, why: "tooMany" });
      else sorted.attachments.push({ path, file, mode: program ? MODE_PROGRAM : MODE_PLAIN });
    }
  }
  sorted.emptyFolders = picked.emptyFolders.map(place).filter(isPath);
  return sorted;
}

export const isComposeName = (path: string): boolean => COMPOSE_NAME.test(path);

function isPath(path: string): boolean {
  return (
    path.length <= PATH_CHARACTERS_AT_MOST &&
    !/[\u0000-\u001f\u007f]/.test(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
/** The one folder that all files are in, when it has a compose file of its own. */
function composeFolder(files: readonly PickedFile[]): string | undefined {
  const compose = files.find(({ path }) => path.split("/").length === 2 && COMPOSE_NAME.test(path.split("/")[1] ?? ""));
  const root = compose?.path.split("/")[0];
  return root !== undefined && files.every(({ path }) => path.startsWith(`${root}/`)) ? root : undefined;
}
/** A build context is a folder with a Dockerfile; its .dockerignore says what stays away from the build. */
async function withoutIgnored(files: readonly PickedFile[]): Promise<PickedFile[]> {
  const paths = new Set(files.map(({ path }) => path));
  const rules: { folder: string; ignores: (path: string) => boolean }[] = [];
  for (const { path, file } of files) {
    if (!/(?:^|\/)\.dockerignore$/.test(path)) continue;
    const folder = path.slice(0, -".dockerignore".length);
    if (folder !== "" && hasDockerfile(paths, folder))
      rules.push({ folder, ignores: readDockerIgnore(await file.text()) });
  }
  if (rules.length === 0) return [...files];
  // A compose file beside the Dockerfile is the stack's, whatever its context leaves out.
  return files.filter(
    ({ path }) =>
      COMPOSE_NAME.test(path.split("/").at(-1) ?? "") ||
      !rules.some(({ folder, ignores }) => path.startsWith(folder) && ignores(path.slice(folder.length))),
  );
}
function hasDockerfile(paths: ReadonlySet<string>, folder: string): boolean {
  if (paths.has(`${folder}Dockerfile`)) return true;
  for (const path of paths)
    if (path.startsWith(folder) && /^(?:[\w-]+\.)?Dockerfile(?:\.[\w-]+)?$/.test(path.slice(folder.length)))
      return true;
  return false;
}

/** Its text when it is one (UTF-8 without zero bytes), and whether it is meant to be run: a script or a program. */
async function look(file: File): Promise<{ text: string | undefined; program: boolean }> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  const program = (head[0] === 0x23 && head[1] === 0x21) || ELF.every((byte, at) => head[at] === byte);
  if (file.size > TEXT_BYTES_AT_MOST || program) return { text: undefined, program };
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.includes(0)) return { text: undefined, program };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), program };
  } catch {
    return { text: undefined, program };
  }
}
