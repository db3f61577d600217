import { sha256Digest } from "@windflow/core";
import { ObservedState } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import type { SessionLink } from "../session/session.ts";

/** A container's start comes as several events within a few milliseconds; they make one message. */
const DEBOUNCE_MS = 50;

/** Sends the observed state when it changed, and only then. */
export interface ObservedReporter {
  /** Digest of the newest state; empty before the first. */
  readonly digest: string;
  changed(state: ObservedState): void;
  /** A session began: `wanted` when the other side has no state with our digest. */
  attach(link: SessionLink, wanted: boolean): void;
  /** Sends the newest state whatever was sent before. */
  sendNow(): void;
}

export function createObservedReporter(clock: Clock): ObservedReporter {
  let newest: ObservedState | undefined;
  let sentDigest = "";
  let link: SessionLink | undefined;
  let cancel: (() => void) | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;

  const send = (): void => {
    cancel?.();
    cancel = undefined;
    if (newest === undefined || link === undefined || link.ended.aborted) return;
    sentAt = clock.now();
    if (link.send({ $case: "observed", value: newest })) sentDigest = newest.digest;
  };
  return {
    get digest() {
      return newest?.digest ?? "";
    },
    changed: (state) => {
      const digest = sha256Digest(ObservedState.encode(state).finish());
      newest = { ...state, digest, at: new Date(clock.now()) };
      if (digest === sentDigest) return;
      // The first change of a burst goes at once: somebody may be waiting for just that one.
      if (clock.now() - sentAt >= DEBOUNCE_MS) send();
      else cancel ??= clock.after(DEBOUNCE_MS, send);
    },
    attach: (session, wanted) => {
      link = session;
      // What was sent in an earlier session may never have arrived; Welcome says whether it did.
      sentDigest = wanted ? "" : (newest?.digest ?? "");
      if (wanted) send();
    },
    sendNow: send,
  };
}
