import type { Placement } from "../placement/index.ts";
import type { StackPolicy } from "./policy.ts";

/** A named application. */
export interface Stack {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  /** The compose project's name on the hosts: the stack's own, unless it was adopted under another. */
  readonly project: string;
  /** Folder of the hosts that relative paths of an adopted stack are meant from; empty: the stack's own folder. */
  readonly workingDirectory: string;
  readonly placement: Placement;
  readonly policy: StackPolicy;
  /** Rises with each change; the etag. */
  readonly version: number;
  readonly latestRevision: number;
  /** The revision of the last rollout that succeeded; 0 when none did. */
  readonly currentRevision: number;
  readonly deleting: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The text of a stack as a person wrote it. */
export interface StackSource {
  /** Path → text. Paths are relative, without "..". */
  readonly files: Readonly<Record<string, string>>;
  /** In merge order; empty finds the usual names. */
  readonly composeFiles: readonly string[];
  readonly variables: readonly StackVariable[];
  readonly profiles: readonly string[];
  /** Files that are no text, are large, or need a mode, an owner or a link; their contents are stored files. */
  readonly attachments: readonly SourceFile[];
}

export interface SourceFile {
  /** Relative to the stack's folder, without "..". */
  readonly path: string;
  /** `sha256:…` of the content; empty for a link and a folder. */
  readonly digest: string;
  /** Permission bits; 0 means 0644 (0755 for a folder). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Relative, and inside the stack's folder; empty unless it is a link. */
  readonly linkTarget: string;
  readonly folder: boolean;
}

export interface StackVariable {
  readonly name: string;
  /** Of a secret: empty wherever it is stored or shown. */
  readonly value: string;
  readonly secret: boolean;
  /** Of a secret: the number of the revision that its value came with. */
  readonly version?: number;
}

/** A secret's text with the revision that it came with; kept sealed. */
export interface SecretText {
  readonly version: number;
  readonly value: string;
}

/** One immutable version of a stack. */
export interface Revision {
  readonly stackId: string;
  readonly number: number;
  readonly source: StackSource;
  /** Bytes of the StackBody that hosts receive; encoded once. */
  readonly body: Uint8Array;
  /** `sha256:…` of those bytes. */
  readonly bodyDigest: string;
  readonly hasSecrets: boolean;
  /** Services that use what makes a container root on its host. */
  readonly privilegedServices: readonly string[];
  readonly warnings: readonly StoredProblem[];
  readonly message: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** A revision without its texts: what a list shows. */
export type RevisionSummary = Omit<Revision, "source" | "body">;

/** What is wrong in a text that a person wrote, and where: line and column count from 1, 0 when unknown. */
export interface StoredProblem {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly keyPath: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}
