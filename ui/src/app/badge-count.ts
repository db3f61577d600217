import type { ApiClient } from "@windflow/proto/client";
import { defineStore } from "pinia";
import { computed, ref, type Ref } from "vue";
import { useApi } from "./api.ts";
import { onChanges } from "./live.ts";
import { useSession } from "./session.ts";
import { useThrottled } from "./throttle.ts";

/** A badge may be this much behind; a fleet reports all the time. */
const REFRESH_MS = 5_000;
const useCounts = defineStore("badge-counts", () => ({ counts: ref<Record<string, number>>({}) }));

export interface Badge {
  name: string;
  permission: string;
  /** Kinds of changes after which it is read again. */
  kinds: readonly string[];
  /** One small call; undefined when the answer says nothing. */
  read(api: ApiClient, organization: string): Promise<number | undefined>;
}

/** How many things wait for somebody, for a badge of the navigation; 0 until it is known. What cannot be read keeps its number. */
export function useBadgeCount(badge: Badge): Ref<number> {
  const api = useApi();
  const session = useSession();
  const store = useCounts();

  async function read(): Promise<void> {
    if (!session.may(badge.permission)) return;
    const count = await badge.read(api, session.organization).catch(() => undefined);
    if (count !== undefined) store.counts[badge.name] = count;
  }
  const soon = useThrottled(() => void read(), REFRESH_MS);
  onChanges((changes) => {
    if (changes.some(({ kind = "" }) => kind === "reset" || badge.kinds.includes(kind))) soon();
  });
  soon();
  return computed(() => store.counts[badge.name] ?? 0);
}
