import {
  Problem_Severity,
  type Problem,
  type Revision as RevisionMessage,
  type Stack as StackMessage,
  type StackSource as StackSourceMessage,
  type StackStatus,
} from "@windflow/proto/api";
import { builtServices, decodeModel, pinnedDigests } from "./body.ts";
import type { Revision, RevisionSummary, Stack, StackSource, StoredProblem } from "./model.ts";
import { placementMessage } from "./placement-wire.ts";
import { policyMessage } from "./policy-wire.ts";
import { etagOf } from "./service.ts";

export function sourceOf(message: StackSourceMessage | undefined): StackSource {
  if (message === undefined) return { files: {}, composeFiles: [], variables: [], profiles: [], attachments: [] };
  const { files, composeFiles, variables, profiles, attachments } = message;
  return { files, composeFiles, variables, profiles, attachments };
}

export function stackMessage(
  stack: Stack,
  more: {
    readonly status: StackStatus | undefined;
    readonly activeRolloutId: string;
    readonly hostsDrifted?: number;
    readonly placementShort?: string;
  },
): StackMessage {
  return {
    id: stack.id,
    name: stack.name,
    placement: placementMessage(stack.placement),
    createdAt: stack.createdAt,
    updatedAt: stack.updatedAt,
    latestRevision: stack.latestRevision,
    currentRevision: stack.currentRevision,
    status: more.status,
    etag: etagOf(stack),
    activeRolloutId: more.activeRolloutId,
    deleting: stack.deleting,
    project: stack.project,
    policy: policyMessage(stack.policy),
    hostsDrifted: more.hostsDrifted ?? 0,
    placementShort: more.placementShort ?? "",
    policyWarnings: [],
  };
}

/** Without source and model, as lists show it. */
export function summaryMessage(revision: RevisionSummary): RevisionMessage {
  return {
    stackId: revision.stackId,
    number: revision.number,
    source: undefined,
    model: undefined,
    imageDigests: {},
    createdAt: revision.createdAt,
    createdBy: revision.createdBy,
    message: revision.message,
    bodyDigest: revision.bodyDigest,
    warnings: revision.warnings.map(problemMessage),
    builtServices: [],
  };
}

export function revisionMessage(revision: Revision, imageDigests: Record<string, string>): RevisionMessage {
  const { files, composeFiles, variables, profiles, attachments } = revision.source;
  return {
    ...summaryMessage(revision),
    imageDigests: { ...imageDigests, ...pinnedDigests(revision.body) },
    builtServices: builtServices(revision.body),
    source: {
      files: { ...files },
      composeFiles: [...composeFiles],
      // A secret's text is not in the stored source to begin with.
      variables: variables.map(({ name, value, secret }) => ({ name, value: secret ? "" : value, secret })),
      profiles: [...profiles],
      attachments: attachments.map((file) => ({ ...file })),
    },
    model: decodeModel(revision.body) as unknown as Record<string, unknown>,
  };
}

export function problemMessage(problem: StoredProblem): Problem {
  const { code, file, line, column, keyPath, what, why, fix } = problem;
  const severity = problem.severity === "error" ? Problem_Severity.SEVERITY_ERROR : Problem_Severity.SEVERITY_WARNING;
  return { severity, code, file, line, column, keyPath, what, why, fix };
}
