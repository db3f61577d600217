/** True for a path with / between its parts, none of them empty, "." or "..". */
export function isRelativePath(path: string): boolean {
  if (path.includes("\0") || path.includes("\\")) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
