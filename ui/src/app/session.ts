import type { ApiClient, ApiError, Environment, Me, Membership } from "@windflow/proto/client";
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";

type State = "unknown" | "signed-out" | "signed-in";

/** Who is signed in, and for which organization the pages speak. */
export const useSession = defineStore("session", () => {
  const state = ref<State>("unknown");
  const me = shallowRef<Me>();
  const api = shallowRef<ApiClient>();

  const membership = computed<Membership | undefined>(() => me.value?.memberships?.[0]);
  const organization = computed(() => membership.value?.organizationId ?? "");
  const environments = computed<Environment[]>(() => membership.value?.environments ?? []);
  const permissions = computed(() => new Set(membership.value?.permissions));
  const mustChangePassword = computed(() => me.value?.mustChangePassword === true);

  function connect(client: ApiClient): void {
    api.value = client;
  }
  function client(): ApiClient {
    if (api.value === undefined) throw new Error("The session has no API client.");
    return api.value;
  }
  function accept(next: Me | undefined): void {
    me.value = next;
    state.value = next === undefined ? "signed-out" : "signed-in";
  }

  /** Asks who the cookie belongs to. Throws when the control plane cannot be reached. */
  async function load(): Promise<void> {
    try {
      accept(await client().auth.getMe({}));
    } catch (error) {
      if (state.value !== "signed-out") throw error;
    }
  }
  async function signIn(email: string, password: string): Promise<void> {
    const answer = await client().auth.signIn({ email, password });
    accept(answer.me);
  }
  async function signOut(): Promise<void> {
    await client().auth.signOut({});
    accept(undefined);
  }
  async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
    await client().auth.changePassword({ currentPassword, newPassword });
    await load();
  }
  function onApiError(error: ApiError): void {
    if (error.problem.status === 401) accept(undefined);
  }
  /** Whether to offer an act; the control plane decides in the end. */
  function may(permission: string): boolean {
    return permissions.value.has(permission);
  }

  return {
    state,
    me,
    membership,
    organization,
    environments,
    mustChangePassword,
    connect,
    load,
    signIn,
    signOut,
    changePassword,
    onApiError,
    may,
  };
});

export type Session = ReturnType<typeof useSession>;
