import type { Problem, SourceFile, StackSource, StackVariable } from "@windflow/proto/client";
import { markRaw } from "vue";

/** What a person edits before it becomes a revision. */
export interface Draft {
  files: Record<string, string>;
  composeFiles: string[];
  variables: Required<StackVariable>[] | StackVariable[];
  profiles: string[];
  /** What travels beside the texts. Replaced as a whole and never made reactive: there may be 20,000. */
  attachments: readonly SourceFile[];
}
/** A source whose services have `build:` and that is not built yet: no fault of the text, the review offers the build. */
export const BUILD_NEEDED = "WF_BUILD_NEEDED";
export const USUAL_FILE = "compose.yaml";

export function draftOf(source: StackSource | undefined, text: string): Draft {
  const files = source?.files ?? {};
  return {
    files: Object.keys(files).length > 0 ? { ...files } : { [USUAL_FILE]: text },
    composeFiles: [...(source?.composeFiles ?? [])],
    variables: (source?.variables ?? []).map((variable) => ({ ...variable })),
    profiles: [...(source?.profiles ?? [])],
    attachments: markRaw([...(source?.attachments ?? [])]),
  };
}
/** The draft as the API takes it: rows without a name are not sent. */
export function sourceOf(draft: Draft): StackSource {
  return {
    files: { ...draft.files },
    composeFiles: draft.composeFiles.filter((file) => file in draft.files),
    variables: draft.variables.filter((variable) => (variable.name ?? "") !== "").map((variable) => ({ ...variable })),
    profiles: [...draft.profiles],
    attachments: [...draft.attachments],
  };
}
/** Why a path cannot be a file of the stack; undefined when it can. */
export function filePathFault(path: string, files: Record<string, string>): "empty" | "exists" | "outside" | undefined {
  if (path === "") return "empty";
  if (path in files) return "exists";
  return path.startsWith("/") || path.split("/").some((part) => part === ".." || part === "." || part === "")
    ? "outside"
    : undefined;
}
export const isError = (problem: Problem): boolean => problem.severity !== "SEVERITY_WARNING";
/** What keeps a draft from being planned. */
export const blocks = (problem: Problem): boolean => isError(problem) && problem.code !== BUILD_NEEDED;
/** The file that a problem is shown in: its own, or the first when it names none or one that is not there. */
export function fileOf(problem: Problem, files: Record<string, string>): string {
  const own = (problem.file ?? "").replace(/^\/+/, "");
  return own in files ? own : (Object.keys(files)[0] ?? "");
}
