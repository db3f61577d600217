import { ref, watch, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { FILTER_KEYS } from "./filter-completion.ts";

/** Enough names to choose from while typing narrows them. */
const STACKS_READ = 50;

/** Values that a key of the filter can take, as the fleet has them now; read when somebody comes to need them, once a key. */
export function useFilterValues(key: () => string | undefined): Ref<readonly string[]> {
  const api = useApi();
  const session = useSession();
  const known = new Map<string, readonly string[]>();
  const values = ref<readonly string[]>([]);

  async function read(wanted: string): Promise<readonly string[]> {
    const { organization } = session;
    if (wanted === "environment") return session.environments.map((one) => one.name ?? "");
    if (wanted === "stack") {
      const { stacks = [] } = await api.stacks.listStacks({ organization, page: { size: STACKS_READ } });
      return stacks.map((stack) => stack.name ?? "");
    }
    const fixed = FILTER_KEYS[wanted];
    if (fixed !== undefined) return fixed;
    const { groups = [] } = await api.hosts.summarizeHosts({ organization, groupBy: wanted });
    return groups.toSorted((a, b) => (b.hosts ?? 0) - (a.hosts ?? 0)).map((group) => group.value ?? "");
  }
  watch(
    key,
    async (wanted) => {
      values.value = known.get(wanted ?? "") ?? [];
      if (wanted === undefined || known.has(wanted)) return;
      // A filter can be typed without being helped; what the list says of it is shown by the list.
      const found = await read(wanted).catch(() => undefined);
      if (found === undefined) return;
      known.set(wanted, found);
      if (key() === wanted) values.value = found;
    },
    { immediate: true },
  );
  return values;
}
