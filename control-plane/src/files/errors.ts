import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const filesErrors: Record<FilesCode, ErrorCode> = defineErrors({
  WF_FILE_DIGEST_MISMATCH: {
    kind: "invalid",
    title: "The content that was sent is not that of the digest",
    fix: "Take the SHA-256 of the whole file again and upload it from its beginning; what was stored of it is dropped.",
  },
  WF_FILE_OFFSET: {
    kind: "precondition",
    title: "The piece does not follow on what is stored of the file",
    fix: "Ask files:check for received_bytes and go on from there.",
  },
  WF_FILE_NOT_STORED: {
    kind: "precondition",
    title: "A file that is named is not stored, or not whole",
    fix: "Upload it first with files:putChunk, then send the request again.",
  },
  WF_FILES_QUOTA: {
    kind: "exhausted",
    title: "The organization's room for files is used up",
    fix: "Delete stacks and revisions that nobody needs; what no revision names any more is removed after a day.",
  },
  WF_FILES_DISK_FULL: {
    kind: "unavailable",
    title: "The disk of the database has no room for the file",
    fix: "Give the database more room and go on with the upload; what is stored of the file stays.",
  },
});

type FilesCode =
  | "WF_FILE_DIGEST_MISMATCH"
  | "WF_FILE_OFFSET"
  | "WF_FILE_NOT_STORED"
  | "WF_FILES_QUOTA"
  | "WF_FILES_DISK_FULL";
