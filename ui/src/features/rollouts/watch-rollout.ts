import type { Rollout } from "@windflow/proto/client";
import type { ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { useFollowed } from "../../app/followed.ts";
import { useSession } from "../../app/session.ts";
import { underWay } from "./rollout-state.ts";

/** The rollout as it goes, until it has ended. */
export function useRollout(rolloutId: () => string): {
  rollout: ShallowRef<Rollout | undefined>;
  error: ShallowRef<unknown>;
  restart: () => void;
} {
  const { rollouts } = useApi();
  const session = useSession();
  const request = (id: string) => ({ organization: session.organization, rolloutId: id });
  const { message, error, restart } = useFollowed<Rollout>({
    id: rolloutId,
    read: (id, signal) => rollouts.getRollout(request(id), { signal }),
    watch: (id, signal) => rollouts.watchRollout(request(id), { signal }),
    goesOn: underWay,
  });
  return { rollout: message, error, restart };
}
