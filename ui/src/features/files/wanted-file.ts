import type { Problem } from "@windflow/proto/client";
import type { Picked } from "./picked.ts";

/** A place of the stack that a compose file names and that nothing is at. */
export interface WantedFile {
  path: string;
  /** Whether a folder is meant; undefined when the compose file does not tell. */
  folder: boolean | undefined;
}
const ASKS = /\b(?:add|attach|pick|upload)\b[^.;]*?\b(file or folder|file|folder|folder or file)\b/i;
const PATH = /(?:^|[\s"'“`(])((?:\.{1,2}|\/stack)\/[^\s"'”`),;]+|(?<=(?:file|folder) )[\w@][\w@.-]*(?:\/[\w@.-]+)+)/;

/** The file or folder that a problem asks for; undefined when it asks for none. */
export function wantedFile(problem: Problem): WantedFile | undefined {
  const asked = ASKS.exec(problem.fix ?? "");
  if (asked === null) return undefined;
  const found = PATH.exec(problem.fix ?? "") ?? PATH.exec(problem.what ?? "");
  const path = (found?.[1] ?? "")
    .replace(/^\/stack\//, "")
    .replace(/^(?:\.\/)+/, "")
    .replace(/[.:/]+$/, "");
  if (path === "" || path.startsWith("..")) return undefined;
  const kind = asked[1]?.toLowerCase();
  return { path, folder: kind === "file" ? false : kind === "folder" ? true : undefined };
}

/** What was picked, put at the wanted place: the one file under its name, or what is in the one folder. */
export function placedAt(picked: Picked, wanted: WantedFile): Picked {
  const [only] = picked.files;
  if (picked.files.length === 1 && only !== undefined && !only.path.includes("/"))
    return {
      files: [{ path: wanted.folder === true ? `${wanted.path}/${only.path}` : wanted.path, file: only.file }],
      emptyFolders: [],
    };
  const place = (path: string): string => {
    const inner = path.slice(path.indexOf("/") + 1);
    return path.includes("/") ? `${wanted.path}/${inner}` : wanted.path;
  };
  const loose = picked.files.every(({ path }) => !path.includes("/"));
  return {
    files: picked.files.map(({ path, file }) => ({ path: loose ? `${wanted.path}/${path}` : place(path), file })),
    emptyFolders: picked.emptyFolders.map(place),
  };
}
