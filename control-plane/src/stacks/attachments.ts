import { posix } from "node:path";
import type { Violation } from "../platform/index.ts";
import type { SourceFile, StackSource } from "./model.ts";
import { isRelativePath, RELATIVE_PATH_RULE } from "./source-paths.ts";

// All of it may have to be fetched by every host; more than that is better given as an image or a volume.
export const MAX_SOURCE_BYTES: number = 2 * 1024 * 1024 * 1024;
// Hosts take 20,000, and one of them is the .env that is made for them.
const MAX_SOURCE_FILES = 19_999;
// Set-user-id on a host's disk would be a way to become root for whoever has an account there.
const SET_USER = 0o4000;
const SET_GROUP = 0o2000;
// The number that chown takes for "leave it".
const NO_ID = 0xffffffff;

/** What is wrong with the attachments of a source by themselves, whatever is stored. */
export function attachmentViolations(source: StackSource): Violation[] {
  const taken = new Set(Object.keys(source.files));
  const count = taken.size + source.attachments.length;
  if (count > MAX_SOURCE_FILES) {
    const message = `there are ${count} files, and at most ${MAX_SOURCE_FILES} travel`;
    return [{ path: "source.attachments", message }];
  }
  const violations = source.attachments.flatMap((file, i): Violation[] => {
    const twice = taken.has(file.path);
    taken.add(file.path);
    const faults = [...fileFaults(file), ...(twice ? ["there is another file of that path"] : [])];
    return faults.map((message) => ({ path: `source.attachments[${i}]`, message: `${file.path}: ${message}` }));
  });
  return violations.length > 0 ? violations : nestingViolations(source);
}

function fileFaults(file: SourceFile): string[] {
  const { path, digest, mode, uid, gid, linkTarget, folder } = file;
  const kinds = [digest !== "", linkTarget !== "", folder].filter(Boolean).length;
  return [
    ...(isRelativePath(path) ? [] : [RELATIVE_PATH_RULE]),
    ...(kinds === 1 ? [] : ["it is either a file with a digest, a link with a target, or a folder"]),
    ...(linkTarget === "" || staysInside(path, linkTarget) ? [] : ["its link leads out of the stack's folder"]),
    ...((mode & SET_USER) !== 0 || (!folder && (mode & SET_GROUP) !== 0)
      ? ["set-user-id and set-group-id bits do not travel"]
      : []),
    ...(uid === NO_ID || gid === NO_ID ? [`${NO_ID} is no owner`] : []),
  ];
}

function staysInside(path: string, target: string): boolean {
  if (posix.isAbsolute(target) || target.includes("\0") || target.includes("\\")) return false;
  // Behind a name that is a link itself, ".." would lead up from wherever that one points to.
  const parts = target.split("/");
  const firstName = parts.findIndex((part) => part !== ".." && part !== ".");
  if (firstName !== -1 && parts.lastIndexOf("..") > firstName) return false;
  const end = posix.join(posix.dirname(path), target);
  return end !== ".." && !end.startsWith("../");
}

// What is not a folder has nothing below it.
function nestingViolations(source: StackSource): Violation[] {
  const solid = new Set(Object.keys(source.files));
  for (const { path, folder } of source.attachments) if (!folder) solid.add(path);
  const all = [...Object.keys(source.files), ...source.attachments.map(({ path }) => path)];
  return all.flatMap((path) => {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const above = path.slice(0, end);
      if (solid.has(above)) return [{ path: "source", message: `${path} is below ${above}, which is not a folder` }];
    }
    return [];
  });
}

/** What is wrong with the contents: those that are not stored, and too much in total. */
export function storageViolations(source: StackSource, sizes: ReadonlyMap<string, number>): Violation[] {
  const missing = source.attachments.flatMap(({ path, digest }, i) =>
    digest === "" || sizes.has(digest)
      ? []
      : [
          {
            path: `source.attachments[${i}].digest`,
            message: `${path} (${digest}) is not stored whole: upload it first`,
          },
        ],
  );
  if (missing.length > 0) return missing;
  const total = source.attachments.reduce((sum, { digest }) => sum + (sizes.get(digest) ?? 0), 0);
  return total <= MAX_SOURCE_BYTES
    ? []
    : [{ path: "source.attachments", message: `${total} bytes in all, and at most ${MAX_SOURCE_BYTES} travel` }];
}
