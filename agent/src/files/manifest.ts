import { posix } from "node:path";
import { sha256Digest } from "@windflow/core";
import type { StackBody, StackFile } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";

/** Stands in models and bodies for the folder that a stack's files have on the host. */
export const STACK_PLACEHOLDER = "/stack";

/** Mode and owner of a folder that nobody described. */
export const PLAIN_FOLDER = { mode: 0o755, uid: 0, gid: 0 } as const;

/** One file, folder or link of a stack, by its path below the stack's folder. */
export interface StackEntry {
  /** `conf/nginx.conf`; never empty, absolute or with dots. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** `sha256:…` of a file; empty otherwise. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Of a link: relative, and inside the stack's folder. */
  readonly linkTarget: string;
}

/** Everything that a stack has below its folder, by path, parents before what is in them. */
export type Manifest = ReadonlyMap<string, StackEntry>;

// A checkout with its dependencies has some thousands; more would keep the host busy with nothing but making folders.
const MAX_ENTRIES = 20_000;
// What the control plane takes for one file.
const MAX_FILE_BYTES = 1024 ** 3;
// Linux's own limits, the root's folder and a temporary name left out.
const MAX_PATH_BYTES = 3_500;
const MAX_NAME_BYTES = 255;
// What the control plane takes; the folders above each file are gone through for each mount.
const MAX_LEVELS = 64;
const MAX_MODE = 0o7777;
// To chown, this value means "leave it as it is".
const NO_ID = 0xff_ff_ff_ff;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const PROJECT = /^[a-z0-9][a-z0-9_-]{0,254}$/;

/**
 * What of a body goes to disk, checked: the control plane is not trusted with the host's file system.
 * Files outside of the stack's folder (configs of adopted stacks) are never written and are no part of it.
 * @throws AgentError WF_BODY_INVALID naming the first entry that cannot be.
 */
export function readManifest(body: StackBody): Manifest {
  const fail = (what: string): never => {
    throw new AgentError(
      "WF_BODY_INVALID",
      `The files of ${body.stackName} revision ${body.revision} are refused: ${what}.`,
    );
  };
  if (!PROJECT.test(body.project)) fail(`"${body.project}" is no name of a project`);
  if (body.files.length > MAX_ENTRIES) fail(`there are ${body.files.length} of them, and ${MAX_ENTRIES} are allowed`);
  const manifest = new Map<string, StackEntry>();
  for (const file of body.files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (posix.normalize(file.path) !== file.path || !file.path.startsWith("/"))
      fail(`${shown(file.path)} is no absolute path`);
    if (!isBelow(file.path, STACK_PLACEHOLDER)) continue;
    const entry = readEntry(file, fail);
    if (manifest.has(entry.path)) fail(`${shown(file.path)} is there twice`);
    manifest.set(entry.path, entry);
  }
  for (const { path } of manifest.values())
    for (let at = posix.dirname(path); at !== "."; at = posix.dirname(at)) {
      const parent = manifest.get(at);
      if (parent !== undefined && parent.kind !== "folder")
        fail(`${shown(path)} lies below ${shown(at)}, which is no folder`);
    }
  return manifest;
}

/** Digest of a file of a body, whether its content is in the body or not. */
export function digestOf(file: StackFile): string {
  return file.digest === "" ? sha256Digest(file.content) : file.digest;
}

export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function readEntry(file: StackFile, fail: (what: string) => never): StackEntry {
  const path = file.path.slice(STACK_PLACEHOLDER.length + 1);
  checkPath(path, fail);
  const { uid, gid, mode } = file;
  if (mode > MAX_MODE) fail(`${shown(path)} has the mode ${mode.toString(8)}, which is none`);
  if (uid === NO_ID || gid === NO_ID) fail(`${shown(path)} has an owner that cannot be`);
  const common = { path, mode, uid, gid, digest: "", sizeBytes: 0, linkTarget: "" };
  const hasContent = file.content.length > 0 || file.digest !== "";
  if (file.folder || file.linkTarget !== "") {
    if (hasContent || (file.folder && file.linkTarget !== "")) fail(`${shown(path)} is several kinds of file at once`);
    if (file.folder) return { ...common, kind: "folder" };
    checkLink(path, file.linkTarget, fail);
    return { ...common, kind: "link", linkTarget: file.linkTarget };
  }
  const digest = digestOf(file);
  const sizeBytes = file.content.length > 0 ? file.content.length : Number(file.sizeBytes);
  if (!DIGEST.test(digest)) fail(`${shown(path)} has no digest`);
  if (sizeBytes > MAX_FILE_BYTES) fail(`${shown(path)} has ${sizeBytes} bytes, and ${MAX_FILE_BYTES} are allowed`);
  if (file.content.length > 0 && sha256Digest(file.content) !== digest)
    fail(`${shown(path)} came with another content than its digest says`);
  return { ...common, kind: "file", digest, sizeBytes };
}

function checkPath(path: string, fail: (what: string) => never): void {
  const names = path.split("/");
  const isOdd = names.some(
    (name) => name === "" || name === "." || name === ".." || Buffer.byteLength(name) > MAX_NAME_BYTES,
  );
  if (isOdd || names.length > MAX_LEVELS || path.includes("\0") || Buffer.byteLength(path) > MAX_PATH_BYTES)
    fail(`${shown(path)} is no path of a file`);
}

function checkLink(path: string, target: string, fail: (what: string) => never): void {
  const end = posix.normalize(posix.join(posix.dirname(path), target));
  const names = target.split("/");
  const firstName = names.findIndex((name) => name !== ".." && name !== ".");
  // Behind a name that is a link itself, the kernel goes up from where that one leads, and not from where it stands.
  if (firstName >= 0 && names.slice(firstName).includes(".."))
    fail(`the link ${shown(path)} goes up behind a name: ${shown(target)}`);
  const isOutside = posix.isAbsolute(target) || end === ".." || end.startsWith("../");
  if (isOutside) fail(`the link ${shown(path)} leads out of the stack's folder, to ${shown(target)}`);
  if (target.includes("\0") || Buffer.byteLength(target) > MAX_PATH_BYTES)
    fail(`the link ${shown(path)} leads nowhere`);
}

/** Names come from outside and go into a sentence. */
function shown(path: string): string {
  const short = path.length > MAX_NAME_BYTES ? `${path.slice(0, MAX_NAME_BYTES)}…` : path;
  return JSON.stringify(short);
}
