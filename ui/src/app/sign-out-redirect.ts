import { watch } from "vue";
import { useRouter } from "vue-router";
import { useSession } from "./session.ts";

/** Leads to the sign-in page when the session ends, by a click or by the control plane, and remembers the page. */
export function useSignOutRedirect(): void {
  const session = useSession();
  const router = useRouter();
  watch(
    () => session.state,
    (state, before) => {
      const route = router.currentRoute.value;
      if (state !== "signed-out" || before !== "signed-in" || route.meta["public"] === true) return;
      void router.push({ name: "sign-in", query: route.path === "/" ? {} : { to: route.fullPath } });
    },
  );
}
