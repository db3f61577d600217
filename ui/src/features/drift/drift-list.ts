import type { Drift, Drift_State } from "@windflow/proto/client";
import { ref, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { useRefreshOn } from "../../app/list-refresh.ts";
import { usePagedList, type PagedList } from "../../app/paged-list.ts";
import { useSession } from "../../app/session.ts";
import type { Tone } from "../../kit/tone.ts";

const REFRESH_MS = 2_000;
/** A difference is a card with its plan, not a line of a table. */
const PAGE = 50;

export type DriftState = "open" | "correcting" | "corrected" | "accepted" | "gone";
const STATES: Record<Drift_State, DriftState> = {
  STATE_UNSPECIFIED: "open",
  STATE_OPEN: "open",
  STATE_CORRECTING: "correcting",
  STATE_CORRECTED: "corrected",
  STATE_ACCEPTED: "accepted",
  STATE_GONE: "gone",
};
export const DRIFT_TONES: Record<DriftState, Tone> = {
  open: "warn",
  correcting: "busy",
  corrected: "ok",
  accepted: "idle",
  gone: "idle",
};
export const stateOf = (drift: Drift): DriftState => STATES[drift.state ?? "STATE_UNSPECIFIED"];
/** Waits for a person: it can be corrected or accepted. */
export const waits = (drift: Drift): boolean => stateOf(drift) === "open";

export interface DriftList extends PagedList<Drift> {
  open: Ref<number>;
}

/** The organization's differences, newest first, kept up to date by the event stream. */
export function useDriftList(query: { stackId: () => string; hostId: () => string; ended: () => boolean }): DriftList {
  const api = useApi();
  const session = useSession();
  const open = ref(0);
  const list = usePagedList<Drift>(
    () => [query.stackId(), query.hostId(), query.ended()].join("\n"),
    async (token, _, signal) => {
      const request = {
        organization: session.organization,
        stackId: query.stackId(),
        hostId: query.hostId(),
        ended: query.ended(),
        page: { size: PAGE, token },
      };
      const answer = await api.drift.listDrifts(request, { signal });
      open.value = answer.open ?? 0;
      return { rows: answer.drifts ?? [], nextPageToken: answer.nextPageToken, total: answer.nextPageToken ? 1 : 0 };
    },
    (drift) => drift.id ?? "",
  );
  useRefreshOn(list, ["drift", "stack"], REFRESH_MS);
  return { ...list, open };
}
