import { isDeepStrictEqual } from "node:util";
import type { StacksServiceService, Stack as StackMessage } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import type { FileStore } from "../files/index.ts";
import type { PlacementDecision } from "../placement/index.ts";
import { commonErrors, ProblemError, type Caller, type Database, type UnitOfWork } from "../platform/index.ts";
import { attachmentsFor, attachmentSizes } from "./attached-files.ts";
import { attachmentViolations } from "./attachments.ts";
import { diffRevisions } from "./diff.ts";
import { comparedRevision } from "./diff-revisions.ts";
import { WORKING_DIRECTORY } from "./drafts.ts";
import { decodeModel } from "./body.ts";
import type { Stack, StoredProblem } from "./model.ts";
import type { Planning } from "./planning.ts";
import type { ComposeRenderer, StackStanding } from "./ports.ts";
import type { Revisions } from "./revisions.ts";
import type { StacksService } from "./service.ts";
import { renderVariables } from "./source.ts";
import { decisionMessage, placementOf } from "./placement-wire.ts";
import { defaultPolicy, policyWarnings } from "./policy.ts";
import { policyOf } from "./policy-wire.ts";
import { problemMessage, revisionMessage, sourceOf, stackMessage, summaryMessage } from "./wire.ts";

export function stacksHandlers(parts: {
  readonly database: Database;
  readonly service: StacksService;
  readonly revisions: Revisions;
  readonly planning: Planning;
  readonly standing: StackStanding;
  readonly compose: ComposeRenderer;
  readonly files: FileStore;
}): Handlers<typeof StacksServiceService> {
  const { database, service, revisions, planning, standing, compose, files } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });

  async function messages(
    tx: UnitOfWork,
    stacks: readonly Stack[],
    detail: "hosts" | "counts",
    onlyHostId = "",
  ): Promise<StackMessage[]> {
    const ids = stacks.map((stack) => stack.id);
    const statuses = await standing.statusOf(tx, ids, detail, onlyHostId);
    const active = await standing.activeRollouts(tx, ids);
    const shorts = await standing.placementShorts(tx, ids);
    const drifted = await standing.hostsDrifted(tx, ids);
    return stacks.map((stack) =>
      stackMessage(stack, {
        status: statuses.get(stack.id),
        activeRolloutId: active.get(stack.id) ?? "",
        placementShort: shorts.get(stack.id) ?? "",
        hostsDrifted: drifted.get(stack.id) ?? 0,
      }),
    );
  }
  async function message(caller: Caller, stackId: string, detail: "hosts" | "counts"): Promise<StackMessage> {
    return read(caller, async (tx) => {
      const stack = await service.get(tx, stackId);
      const [one] = await messages(tx, [stack], detail);
      if (one === undefined) throw new Error("a stack that was read has no message");
      return { ...one, policyWarnings: (await warningsOf(tx, stack)).map(problemMessage) };
    });
  }
  async function warningsOf(tx: UnitOfWork, stack: Stack): Promise<readonly StoredProblem[]> {
    if (stack.latestRevision === 0 || isDeepStrictEqual(stack.policy, defaultPolicy)) return [];
    const { body } = await service.getRevision(tx, stack.id, stack.latestRevision);
    return policyWarnings(stack.policy, decodeModel(body));
  }

  return {
    listStacks: async (request, { caller }) => {
      const { hostId } = request;
      const query = { list: "stacks", filter: request.filter, hostId };
      const page = readPage(request.page, query);
      const after = page.after === undefined ? {} : { after: String(page.after[0]) };
      return read(caller, async (tx) => {
        const on = hostId === "" ? {} : { ids: await standing.stacksOn(tx, hostId) };
        const wanted = { filter: request.filter.toLowerCase(), limit: page.size + 1, ...after, ...on };
        const found = await service.list(tx, wanted);
        const { rows, nextPageToken } = pageOf(found.stacks, page, query, (stack) => [stack.name]);
        const detail = hostId === "" ? "counts" : "hosts";
        return { stacks: await messages(tx, rows, detail, hostId), nextPageToken, total: found.total };
      });
    },
    diffRevisions: ({ stackId, from, to }, { caller }) =>
      read(caller, async (tx) => {
        const before = await service.getRevision(tx, stackId, from);
        return diffRevisions(comparedRevision(before), comparedRevision(await service.getRevision(tx, stackId, to)));
      }),
    getStack: (request, { caller }) => message(caller, request.stackId, "hosts"),
    createStack: async (request, { caller }) => {
      const { id } = await service.create(caller, { name: request.name, placement: placementOf(request.placement) });
      return message(caller, id, "counts");
    },
    updateStack: async (request, { caller }) => {
      const { stackId, etag, placement, policy } = request;
      const change = {
        placement: placement && placementOf(placement),
        policy: policy && policyOf(policy),
      };
      await service.update(caller, { stackId, etag, ...change });
      // Not each host: a whole fleet is being told this very change.
      return message(caller, stackId, "counts");
    },
    deleteStack: async (request, { caller }) => ({ rolloutId: (await service.delete(caller, request.stackId)) ?? "" }),
    renderStack: async (request, { caller }) => {
      const source = sourceOf(request.source);
      const violations = attachmentViolations(source);
      if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
      const sizes = await read(caller, (tx) => attachmentSizes(tx, files, source));
      const input = {
        files: source.files,
        composeFiles: source.composeFiles,
        profiles: source.profiles,
        variables: renderVariables(source),
        projectName: request.projectName,
        workingDirectory: request.workingDirectory || WORKING_DIRECTORY,
        attachments: attachmentsFor(source, sizes, { database, files, caller }),
      };
      // Who names a folder wants to know what docker compose makes of the files there; else it is about hosts.
      const rendered = await (request.workingDirectory === "" ? compose.renderForHosts(input) : compose.render(input));
      return {
        model: rendered.model as unknown as Record<string, unknown> | undefined,
        problems: rendered.problems.map(problemMessage),
      };
    },
    createRevision: async (request, { caller, signal }) => {
      const { stackId, message: why } = request;
      const wanted = { stackId, source: sourceOf(request.source), message: why };
      const revision = await revisions.create(caller, wanted, signal);
      return revisionMessage(revision, {});
    },
    listRevisions: async (request, { caller }) => {
      const query = { list: "revisions", stackId: request.stackId };
      const page = readPage(request.page, query);
      const before = page.after === undefined ? {} : { before: Number(page.after[0]) };
      const wanted = { stackId: request.stackId, limit: page.size + 1, ...before };
      const found = await read(caller, (tx) => service.listRevisions(tx, wanted));
      const { rows, nextPageToken } = pageOf(found, page, query, (revision) => [revision.number]);
      return { revisions: rows.map(summaryMessage), nextPageToken };
    },
    getRevision: (request, { caller }) =>
      read(caller, async (tx) => {
        const revision = await service.getRevision(tx, request.stackId, request.number);
        return revisionMessage(revision, await standing.imageDigests(tx, request.stackId, request.number));
      }),
    explainPlacement: (request, { caller }) => {
      const { stackId, revision } = request;
      const query = { list: "placement", stackId, revision: String(revision) };
      const page = readPage(request.page, query);
      const [name = "", hostId = ""] = (page.after ?? []).map(String);
      return read(caller, async (tx) => {
        if (revision > 0) await service.getRevision(tx, stackId, revision);
        const plan = await standing.placementOf(tx, await service.get(tx, stackId), revision);
        const { decisions, chosen, wanted = 0, short } = plan;
        const isAfter = ({ host }: PlacementDecision): boolean =>
          host.name > name || (host.name === name && host.hostId > hostId);
        const rest = page.after === undefined ? decisions : decisions.filter(isAfter);
        const window = rest.slice(0, page.size + 1);
        const { rows, nextPageToken } = pageOf(window, page, query, ({ host }) => [host.name, host.hostId]);
        const hosts = rows.map(decisionMessage);
        return { hosts, nextPageToken, total: decisions.length, chosen: chosen.length, wanted, short };
      });
    },
    planStack: (request, { caller, signal }) => planning.plan(caller, request, signal),
  };
}
