// Limits of Linux; the rest of the longest path is for the folder in which hosts put a stack.
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 3_500;
// Each level is looked at for each file, here and on hosts; a checkout with its dependencies has some twenty.
const MAX_LEVELS = 64;

/** What {@link isRelativePath} wants, for people. */
export const RELATIVE_PATH_RULE =
  "the path must be relative, with /, without .. and without empty parts, at most 64 levels deep, with names of at most 255 bytes";

/** True for a path with / between its parts, none of them empty, "." or "..", that any host can have. */
export function isRelativePath(path: string): boolean {
  if (path.includes("\0") || path.includes("\\") || Buffer.byteLength(path) > MAX_PATH_BYTES) return false;
  const parts = path.split("/");
  return (
    parts.length <= MAX_LEVELS &&
    parts.every((part) => part !== "" && part !== "." && part !== ".." && Buffer.byteLength(part) <= MAX_NAME_BYTES)
  );
}
