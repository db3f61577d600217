import type { StreamEnd } from "@windflow/proto/agent";
import { commonErrors, ProblemError, type ErrorCode } from "../platform/index.ts";
import { containersErrors } from "./errors.ts";

const codes: Record<string, ErrorCode | undefined> = {
  WF_NO_SUCH_CONTAINER: containersErrors.WF_CONTAINER_GONE,
  WF_STREAM_LIMIT: commonErrors.WF_STREAMS_EXHAUSTED,
  WF_NOT_ALLOWED: containersErrors.WF_HOST_SHELL_NOT_ALLOWED,
};

/** The problem that ended a stream of a host; undefined when it ended by itself. */
export function problemOf(end: StreamEnd): ProblemError | undefined {
  if (end.code === "" && end.problem === "") return undefined;
  const code = codes[end.code] ?? containersErrors.WF_CONTAINER_STREAM_REFUSED;
  return new ProblemError({ code, detail: end.problem || end.code });
}
