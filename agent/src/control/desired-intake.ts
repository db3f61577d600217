import { status } from "@grpc/grpc-js";
import type { DesiredState } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { type Clock, pause } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { backoffMs } from "../session/backoff.ts";
import { fetchBody, fetchFile, fetchSecrets } from "../session/channel.ts";
import type { SessionLink } from "../session/session.ts";
import type { BodyPieces } from "../state/body-pieces.ts";
import type { DesiredSource, DesiredStore } from "../state/desired-store.ts";
import { formatGeneration } from "../state/generation.ts";

/** Answers that the same question gets again; all others may be the link's or a restart's fault. */
const FINAL: ReadonlySet<unknown> = new Set([
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
]);

export interface DesiredIntakeParts {
  readonly store: DesiredStore;
  readonly pieces: BodyPieces;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  onTaken(): void;
  /** What root on this host held of the stack is not held any more: the control plane has overridden it. */
  onOverridden(stackId: string): void;
}

/** Takes desired states one at a time; of several that came meanwhile only the newest counts. */
export interface DesiredIntake {
  offer(state: DesiredState, link: SessionLink): void;
}

export function createDesiredIntake(parts: DesiredIntakeParts): DesiredIntake {
  const { store, pieces, log } = parts;
  let waiting: { readonly state: DesiredState; readonly link: SessionLink } | undefined;
  let superseded = new AbortController();
  let working = false;

  const reply = (state: DesiredState, link: SessionLink, error?: unknown): void => {
    const code = error instanceof AgentError ? error.code : "WF_BODY_INVALID";
    const refused = error === undefined ? "" : reasonOf(error);
    link.send({
      $case: "desiredStateReply",
      value: { generation: state.generation, refused, code: error === undefined ? "" : code },
    });
  };
  const takeOne = async (state: DesiredState, link: SessionLink): Promise<void> => {
    const generation = formatGeneration(state.generation ?? { term: 0n, n: 0n });
    for (let attempt = 0; !link.ended.aborted && waiting === undefined; attempt++) {
      try {
        const held = state.stacks.filter(({ stackId }) => store.heldRevision(stackId) !== undefined);
        const refused = await store.take(state, sourceOver(link, pieces, superseded.signal));
        pieces.clear();
        log("info", "The desired state was taken.", {
          generation,
          count: state.stacks.length,
          ...(refused === undefined ? {} : refused),
        });
        for (const { stackId } of held) if (store.heldRevision(stackId) === undefined) parts.onOverridden(stackId);
        reply(state, link, refused && new AgentError(refused.code, refused.reason));
        return parts.onTaken();
      } catch (error) {
        if (superseded.signal.aborted) return;
        log("warn", "The desired state could not be taken.", { generation, reason: reasonOf(error) });
        if (isFinal(error)) return reply(state, link, error);
        await pause(parts.clock, backoffMs(attempt, parts.random()), link.ended);
      }
    }
  };
  const work = async (): Promise<void> => {
    working = true;
    try {
      while (waiting !== undefined) {
        const { state, link } = waiting;
        waiting = undefined;
        superseded = new AbortController();
        await takeOne(state, link);
      }
    } finally {
      working = false;
    }
  };
  return {
    offer: (state, link) => {
      waiting = { state, link };
      // Files may take hours to come, and what has come of them stays.
      superseded.abort();
      if (!working)
        work().catch((error: unknown) => log("error", "Taking the desired state failed.", { reason: reasonOf(error) }));
    },
  };
}

function sourceOver(link: SessionLink, pieces: BodyPieces, superseded: AbortSignal): DesiredSource {
  const signal = AbortSignal.any([superseded, link.ended]);
  return {
    file: (digest, offset) => fetchFile(link.client, { digest, offset }, signal),
    body: (digest) => pieces.fetch(digest, (offset) => fetchBody(link.client, { digest, offset }, signal)),
    secrets: async ({ stackId, revision }) => (await fetchSecrets(link.client, { stackId, revision })).sealed,
  };
}

function isFinal(error: unknown): boolean {
  if (error instanceof AgentError) return true;
  return error instanceof Error && "code" in error && FINAL.has(error.code);
}
