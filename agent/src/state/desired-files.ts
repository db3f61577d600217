import { status } from "@grpc/grpc-js";
import { type DesiredStack, sizeText } from "@windflow/core";
import type { StackBody, StackFile } from "@windflow/proto/agent";
import type { AgentErrorCode } from "../errors.ts";
import {
  type ContentSource,
  type ContentStore,
  type RevisionFiles,
  type StackFolders,
  type WantedContent,
  digestOf,
  lackOfRoom,
  readManifest,
} from "../files/index.ts";
import { reasonOf } from "../platform/log.ts";
import type { FileContent } from "../reconcile/engine.ts";

/** Why one stack is not run here while the others are. */
export interface Refusal {
  readonly code: AgentErrorCode;
  /** A sentence for a person. */
  readonly reason: string;
}

/** The files that revisions name: what is in their bodies, and what is fetched. */
export interface DesiredFiles {
  /** What a body names beside what it holds. @throws AgentError WF_BODY_INVALID */
  wanted(body: StackBody): WantedContent[];
  isWhole(body: StackBody): boolean;
  /**
   * Fetches what a revision lacks, after it is known that there is room for all of it.
   * @returns why this stack cannot have its files on this host.
   * @throws what the link throws: it is worth another try.
   */
  bring(stack: DesiredStack, body: StackBody, source: ContentSource): Promise<Refusal | undefined>;
  /** @throws AgentError WF_BODY_INVALID */
  open(body: StackBody): RevisionFiles;
  /** One content of a body; undefined when the body names none such. */
  content(body: StackBody, digest: string): FileContent | undefined;
  /** Forgets what is not on disk as it was fetched. */
  dropDamaged(body: StackBody): Promise<void>;
  /** Removes what none of the bodies names. */
  keepOnly(bodies: readonly StackBody[]): void;
}

export interface DesiredFilesParts {
  readonly contents: ContentStore;
  /** Where `contents` is. */
  readonly folder: string;
  /** What all contents together may take. */
  readonly maxBytes: number;
  readonly folders: Pick<StackFolders, "needs" | "problem">;
}

// A link is full with a few; more would share it and end later.
const FETCHES_AT_ONCE = 4;
/** Answers that the same question gets again. */
const FINAL: ReadonlySet<unknown> = new Set([
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
]);
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

export function createDesiredFiles(parts: DesiredFilesParts): DesiredFiles {
  const { contents, folders } = parts;

  const wanted = (body: StackBody): WantedContent[] => {
    const inline = new Set(body.files.flatMap((file) => (file.content.length > 0 ? [digestOf(file)] : [])));
    const named = new Map<string, WantedContent>();
    for (const { digest, sizeBytes } of body.files)
      if (digest !== "" && !inline.has(digest)) named.set(digest, { digest, sizeBytes: Number(sizeBytes) });
    return [...named.values()];
  };
  const contentOf = (file: StackFile, digest: string): FileContent =>
    file.digest === "" || file.content.length > 0
      ? Buffer.from(file.content)
      : { path: contents.pathOf(digest), sizeBytes: Number(file.sizeBytes) };
  const open = (body: StackBody): RevisionFiles => {
    const named = new Map(
      body.files.flatMap((file) => (file.folder || file.linkTarget !== "" ? [] : [[digestOf(file), file] as const])),
    );
    return {
      manifest: readManifest(body),
      openContent: (digest) => {
        const file = named.get(digest);
        if (file === undefined) throw new Error(`the revision has no file ${digest}`);
        return contentOf(file, digest);
      },
    };
  };
  const noRoom = (reason: string): Refusal => ({ code: "WF_FILES_NO_ROOM", reason });
  const lack = (stack: DesiredStack, body: StackBody, missing: readonly WantedContent[]): Refusal | undefined => {
    const bytes = missing.reduce((sum, one) => sum + contents.missingBytes(one), 0);
    const name = `"${stack.stackName}" revision ${stack.revision}`;
    if (bytes > 0 && contents.usedBytes() + bytes > parts.maxBytes)
      return noRoom(
        `${name} needs ${sizeText(bytes)} of files, and with what is there already this host would have more than ${sizeText(parts.maxBytes)}, which is its limit (--files-max-mb).`,
      );
    const short = lackOfRoom([{ folder: parts.folder, bytes }, folders.needs(stack, open(body))]);
    return short === undefined
      ? undefined
      : noRoom(`There is no room for the files of ${name}: it ${short}. Make room and deploy it again.`);
  };
  const fetchAll = async (missing: readonly WantedContent[], source: ContentSource): Promise<void> => {
    const queue = missing.values();
    const worker = async (): Promise<void> => {
      for (const one of queue) await contents.fetch(one, source);
    };
    const ended = await Promise.allSettled(Array.from({ length: FETCHES_AT_ONCE }, worker));
    for (const { reason } of ended.filter((one) => one.status === "rejected")) throw reason as unknown;
  };

  return {
    wanted,
    content: (body, digest) => {
      const file = body.files.find((one) => !one.folder && one.linkTarget === "" && digestOf(one) === digest);
      return file && contentOf(file, digest);
    },
    dropDamaged: async (body) => {
      for (const { digest } of wanted(body)) await contents.dropIfDamaged(digest);
    },
    keepOnly: (bodies) =>
      contents.keepOnly(new Set(bodies.flatMap((body) => wanted(body).map(({ digest }) => digest)))),
    isWhole: (body) => wanted(body).every((one) => contents.has(one)),
    open,
    bring: async (stack, body, source) => {
      const problem = folders.problem(stack);
      if (problem !== undefined)
        return { code: "WF_FILES_UNAVAILABLE", reason: `"${stack.stackName}" revision ${stack.revision}: ${problem}.` };
      const missing = wanted(body).filter((one) => !contents.has(one));
      const refused = lack(stack, body, missing);
      if (refused !== undefined || missing.length === 0) return refused;
      try {
        await fetchAll(missing, source);
        return undefined;
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (FULL.has(code))
          return noRoom(
            `The disk was full before all files of "${stack.stackName}" were fetched. Make room and deploy it again.`,
          );
        if (code !== "WF_FILES_UNAVAILABLE" && !FINAL.has(code)) throw error;
        return {
          code: "WF_FILES_UNAVAILABLE",
          reason: `Files of "${stack.stackName}" revision ${stack.revision} could not be fetched: ${reasonOf(error)}.`,
        };
      }
    },
  };
}
